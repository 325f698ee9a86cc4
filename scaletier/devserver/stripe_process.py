"""The Stripe stand-in as a process; `make run` starts it if `STRIPE_SECRET_KEY` is not set.

It listens on this machine alone, wherever the product listens, and gets its secrets from the
environment: everybody can read a command line. The product reaches it only by its URL.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError

from scaletier import home

COMMAND = (
    '-m scaletier.devserver.stripe --file "$STRIPE_STANDIN_FILE" --port $STRIPE_STANDIN_PORT'
    " --webhook-url $STRIPE_STANDIN_WEBHOOK_URL"
)
LOOPBACK = "127.0.0.1"
PORT_VARIABLE = "SCALETIER_STRIPE_PORT"


@dataclass(frozen=True, slots=True)
class StandInAddress:
    """The port at which the stand-in listens; `notice` is a line for the user, if there is one."""

    port: int
    notice: str = ""


def is_needed() -> bool:
    """Return whether the product has no key for Stripe itself."""
    return not os.environ.get("STRIPE_SECRET_KEY")


def environment(folder: Path, address: StandInAddress, *, web_url: str) -> dict[str, str]:
    """Return the environment variables by which the product and the stand-in find each other.

    `folder` is the home. The stand-in accepts the product's own key only.
    """
    no_proxy = ",".join(
        filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), LOOPBACK))
    )
    return {
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_API_BASE": f"http://{LOOPBACK}:{address.port}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_STANDIN_FILE": str(folder / "stripe.sqlite3"),
        "STRIPE_STANDIN_PORT": str(address.port),
        "STRIPE_STANDIN_CONTROL_KEY": home.secret(folder, "stripe_control_key"),
        "STRIPE_STANDIN_WEBHOOK_URL": f"{web_url}/webhooks/stripe",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def choose_address(folder: Path, *, web_host: str) -> StandInAddress:
    """Return a free port, and store it in the home `folder` for the next run.

    The first choice is `SCALETIER_STRIPE_PORT` or else the port of the last run: invoices store
    the URL of their page, which contains the port. Raises CommandError if the named port is no
    port or is in use.
    """
    file = folder / "stripe_port"
    named_port = os.environ.get(PORT_VARIABLE) or ""
    last_port = file.read_text() if file.exists() else ""
    if named_port and not (named_port.isdecimal() and 0 < int(named_port) <= 65535):
        raise CommandError(f"{PORT_VARIABLE} is not a port: {named_port!r}.")
    port = _free_port(int(named_port or last_port or 0))
    if port is None and named_port:
        raise CommandError(
            f"Cannot listen on {LOOPBACK}:{named_port} (address already in use):"
            f" stop the program that uses this port, or set {PORT_VARIABLE}."
        )
    notices = []
    if port is None:
        port = _free_port(0)
        assert port, "the system finds a free port"
        notices.append(
            f"Port {last_port}, where the Stripe stand-in listened before, is in use, so it"
            f" listens on {port}: links to the payment pages of earlier invoices do not work."
        )
    if web_host not in {LOOPBACK, "localhost"}:
        notices.append(
            "The Stripe stand-in and its payment pages are open on this machine only,"
            f" at http://{LOOPBACK}:{port}."
        )
    file.write_text(str(port))
    return StandInAddress(port, " ".join(notices))


def _free_port(wanted: int) -> int | None:
    """Return the wanted port, or any if it is 0; None if another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError:
            return None
        port: int = probe.getsockname()[1]
        return port
