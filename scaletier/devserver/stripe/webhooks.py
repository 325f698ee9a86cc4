"""Sends events to the product's webhook: signed, and again until the product accepts them."""

import hashlib
import hmac
import json
import random
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.request import ProxyHandler, Request, build_opener

from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.store import Store

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 10
OPENER_WITHOUT_PROXY = build_opener(ProxyHandler({}))


def signature(payload: bytes, secret: str, timestamp: int | None = None) -> str:
    """Return the value of the header `Stripe-Signature`: `t=…,v1=…`."""
    timestamp = int(time.time()) if timestamp is None else timestamp
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


@dataclass(slots=True)
class WebhookSender:
    """Sends events to `url`, oldest first, or in random order (`shuffle`); each `repeat` times."""

    store: Store
    url: str = ""
    secret: str = ""
    shuffle: bool = False
    repeat: int = 1
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send events until stopped. Runs in its own thread."""
        while not self._stopped.wait(POLL_SECONDS):
            self.deliver()

    def stop(self) -> None:
        self._stopped.set()

    def deliver(self) -> list[int]:
        """Send every event that is due. Returns the status of each response, 0 for none."""
        if not self.url:
            return []
        events = self.store.due_events() * self.repeat
        if self.shuffle:
            random.shuffle(events)
        return [self._send(event) for event in events]

    def _send(self, event: Object) -> int:
        payload = json.dumps(event).encode()
        request = Request(  # noqa: S310 - the address is the product's
            self.url,
            payload,
            {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (stand-in)",
                "Stripe-Signature": signature(payload, self.secret),
            },
        )
        try:
            with OPENER_WITHOUT_PROXY.open(request, timeout=TIMEOUT_SECONDS) as response:
                status: int = response.status
        except OSError as error:  # No response, or an HTTPError, which has the status as `code`.
            status = getattr(error, "code", 0)
        if status == HTTPStatus.OK:
            self.store.mark_delivered(event["id"])
        else:
            self.store.schedule_retry(event["id"])
        return status
