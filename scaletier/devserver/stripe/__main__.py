"""`python -m scaletier.devserver.stripe`: run until interrupted."""

import argparse
import signal
import threading
from pathlib import Path

from scaletier.devserver.stripe.server import StandIn


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scaletier.devserver.stripe", description="A stand-in for Stripe."
    )
    parser.add_argument("--file", type=Path, help="where it remembers everything")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--public-url", default="", help="where browsers reach it")
    parser.add_argument("--webhook-url", default="", help="where events are delivered")
    parser.add_argument("--webhook-secret", default="", help="what they are signed with")
    parser.add_argument("--shuffle", action="store_true", help="deliver events out of order")
    parser.add_argument("--repeat", type=int, default=1, help="deliver each so many times")
    said = parser.parse_args()
    stopped = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stopped.set())
    with StandIn(said.file, said.host, said.port, said.public_url) as stand_in:
        for name in ("shuffle", "repeat"):
            setattr(stand_in.webhooks, name, getattr(said, name))
        stand_in.webhooks.url = said.webhook_url
        stand_in.webhooks.secret = said.webhook_secret
        threading.Thread(target=stand_in.webhooks.run, daemon=True).start()
        stopped.wait()


main()
