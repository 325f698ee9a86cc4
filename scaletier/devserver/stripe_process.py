"""The Stripe stand-in as a process; `make run` starts it if `STRIPE_SECRET_KEY` is not set.

It gets its configuration on the command line, and the product reaches it only by its URL.
"""

import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

COMMAND = (
    '-m scaletier.devserver.stripe --file "$STRIPE_STANDIN_FILE" --host $STRIPE_STANDIN_HOST'
    " --port $STRIPE_STANDIN_PORT --public-url $STRIPE_STANDIN_PUBLIC_URL"
    " --webhook-url $STRIPE_STANDIN_WEBHOOK_URL --webhook-secret $STRIPE_WEBHOOK_SECRET"
)
LOOPBACK = "127.0.0.1"


def is_needed() -> bool:
    """Return whether the product has no key for Stripe itself."""
    return not os.environ.get("STRIPE_SECRET_KEY")


def environment(home: Path, *, web_host: str, web_url: str, public_url: str) -> dict[str, str]:
    """Return the environment variables by which the product and the stand-in find each other.

    Browsers reach the stand-in's invoice pages by the host name of `public_url`. If the product
    listens only on this machine (`web_host`), so does the stand-in.
    """
    port = _choose_port(home)
    no_proxy = ",".join(
        filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), LOOPBACK))
    )
    is_local = web_host in {LOOPBACK, "localhost"}
    return {
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_API_BASE": f"http://{LOOPBACK}:{port}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_STANDIN_FILE": str(home / "stripe.sqlite3"),
        "STRIPE_STANDIN_HOST": LOOPBACK if is_local else "0.0.0.0",  # noqa: S104
        "STRIPE_STANDIN_PORT": str(port),
        "STRIPE_STANDIN_PUBLIC_URL": f"http://{urlsplit(public_url).hostname or LOOPBACK}:{port}",
        "STRIPE_STANDIN_WEBHOOK_URL": f"{web_url}/webhooks/stripe",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def _choose_port(home: Path) -> int:
    """Return a free port, and store it for the next run. Raises OSError if none is free.

    The first choice is `SCALETIER_STRIPE_PORT` or else the port of the last run: invoices store
    the URL of their page, which contains the port.
    """
    file = home / "stripe_port"
    last_port = file.read_text() if file.exists() else ""
    preferred_port = os.environ.get("SCALETIER_STRIPE_PORT") or last_port or "0"
    for candidate in (preferred_port, "0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, int(candidate)))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            file.write_text(str(port))
            return port
    raise OSError("no port is free")
