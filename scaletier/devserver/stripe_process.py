"""The local stand-in for Stripe, which `make run` starts where no `STRIPE_SECRET_KEY` is given.

It is a process of its own, told everything by its command line and reached by its address alone.
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
HERE = "127.0.0.1"


def wanted() -> bool:
    return not os.environ.get("STRIPE_SECRET_KEY")


def environment(home: Path, *, bound_to: str, web_url: str, public_url: str) -> dict[str, str]:
    """What makes the product and the stand-in find each other.

    Browsers reach its invoice pages by the product's own host name; where the product is bound to
    this machine alone, so is the stand-in.
    """
    port = _port(home)
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), HERE)))
    return {
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_API_BASE": f"http://{HERE}:{port}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "STRIPE_STANDIN_FILE": str(home / "stripe.sqlite3"),
        "STRIPE_STANDIN_HOST": HERE if bound_to in {HERE, "localhost"} else "0.0.0.0",  # noqa: S104
        "STRIPE_STANDIN_PORT": str(port),
        "STRIPE_STANDIN_PUBLIC_URL": f"http://{urlsplit(public_url).hostname or HERE}:{port}",
        "STRIPE_STANDIN_WEBHOOK_URL": f"{web_url}/webhooks/stripe",
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def _port(home: Path) -> int:
    """The port of the last run if it is free: invoices keep the address of their page."""
    file = home / "stripe_port"
    kept = file.read_text() if file.exists() else ""
    for wish in (os.environ.get("SCALETIER_STRIPE_PORT") or kept or "0", "0"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HERE, int(wish)))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            file.write_text(str(port))
            return port
    raise OSError("no port is free")
