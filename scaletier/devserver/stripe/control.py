"""`/_control/`: what tests, and curious people, may ask of the stand-in itself. JSON in and out."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from scaletier.devserver.stripe.faults import Fault

if TYPE_CHECKING:
    from scaletier.devserver.stripe.server import StandIn


def control(stand_in: "StandIn", what: str, said: dict[str, Any]) -> tuple[int, Any]:
    """Status and body. `POST` what it says, `GET state` for what there is."""
    if what == "faults":  # {"how": "answer", "status": 500, "times": 2, "skip": 1, "done": true}
        stand_in.faults.ask_for(Fault(**said))
    elif what == "clock":  # {"ahead": seconds} from where it stands, or {"to": timestamp}
        to = said["to"] if "to" in said else stand_in.store.now() + said["ahead"]
        stand_in.store.move_clock(to)
    elif what == "webhooks":  # {"url": …, "secret": …, "shuffle": true, "repeat": 3}
        for name in ("url", "secret", "shuffle", "repeat"):
            if name in said:
                setattr(stand_in.webhooks, name, said[name])
    elif what == "deliver":  # Everything owed, now.
        return 200, {"statuses": stand_in.webhooks.deliver()}
    elif what != "state":
        return 404, {"error": f"nothing here is called {what}"}
    return 200, {
        "now": stand_in.store.now(),
        "requests": [asdict(seen) for seen in stand_in.seen[-1000:]],
        "customers": stand_in.store.all("customer"),
        "invoices": stand_in.store.all("invoice"),
        "events": [event["type"] for event in stand_in.store.all("event")],
    }
