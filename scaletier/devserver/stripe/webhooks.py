"""Telling the product: signed, again until it is heard, and as untidily as is asked for."""

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

PAUSE = 0.2
TIMEOUT = 10
DIRECT = build_opener(ProxyHandler({}))


def signature(payload: bytes, secret: str, at: int | None = None) -> str:
    """`t=…,v1=…`, as in the header `Stripe-Signature`."""
    at = int(time.time()) if at is None else at
    signed = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


@dataclass(slots=True)
class Deliverer:
    """Delivers what is owed to one address, in order, or shuffled and several times."""

    store: Store
    url: str = ""
    secret: str = ""
    shuffle: bool = False
    repeat: int = 1
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until stopped; in a thread of its own."""
        while not self._stopped.wait(PAUSE):
            self.deliver()

    def stop(self) -> None:
        self._stopped.set()

    def deliver(self) -> list[int]:
        """Everything that is owed by now; the statuses that came back."""
        if not self.url:
            return []
        events = self.store.owed() * self.repeat
        if self.shuffle:
            random.shuffle(events)
        return [self._deliver_one(event) for event in events]

    def _deliver_one(self, event: Object) -> int:
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
            with DIRECT.open(request, timeout=TIMEOUT) as response:
                status: int = response.status
        except OSError as error:  # Not there, or (an HTTPError) not content.
            status = getattr(error, "code", 0)
        if status == HTTPStatus.OK:
            self.store.delivered(event["id"])
        else:
            self.store.not_delivered(event["id"])
        return status
