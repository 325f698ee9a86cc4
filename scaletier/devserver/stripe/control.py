"""`/_control/`: whoever has its key changes and reads the stand-in itself. JSON in and out."""

from dataclasses import asdict, dataclass
from typing import Any

from scaletier.devserver.stripe.endpoint import ReceivedRequest
from scaletier.devserver.stripe.faults import Fault, Faults
from scaletier.devserver.stripe.store import Store
from scaletier.devserver.stripe.webhooks import WebhookSender

SHOWN_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class Control:
    """The actions under `/_control/`."""

    store: Store
    faults: Faults
    webhooks: WebhookSender
    requests: list[ReceivedRequest]

    def handle(self, action: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Execute an action. Returns the status and the body of the response.

        The examples below show the body of each action; `state` and `deliver` have none. The
        response is the state after the action, except for `deliver`.
        """
        if action == "faults":  # {"how": "answer", "status": 500, "times": 2, "done": true}
            self.faults.ask_for(Fault(**body))
        elif action == "clock":  # {"ahead": seconds}, from the clock's time, or {"to": timestamp}
            timestamp = body["to"] if "to" in body else self.store.now() + body["ahead"]
            self.store.move_clock(timestamp)
        elif action == "webhooks":  # {"url": …, "secret": …, "shuffle": true, "repeat": 3}
            for name in ("url", "secret", "shuffle", "repeat"):
                if name in body:
                    setattr(self.webhooks, name, body[name])
        elif action == "deliver":
            return 200, {"statuses": self.webhooks.deliver()}
        elif action != "state":
            return 404, {"error": f"there is no action called {action}"}
        return 200, self._state()

    def _state(self) -> dict[str, Any]:
        return {
            "now": self.store.now(),
            "requests": [asdict(request) for request in self.requests[-SHOWN_REQUESTS:]],
            "customers": self.store.all("customer"),
            "tax_ids": self.store.all("tax_id"),
            "invoices": self.store.all("invoice"),
            "events": [event["type"] for event in self.store.all("event")],
        }
