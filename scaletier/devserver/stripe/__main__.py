"""`python -m scaletier.devserver.stripe`: runs the stand-in until it is interrupted.

Its secrets are environment variables, because everybody can read a command line: the key that the
API accepts (`STRIPE_SECRET_KEY`), the secret that signs events (`STRIPE_WEBHOOK_SECRET`), and the
key of `/_control/` (`STRIPE_STANDIN_CONTROL_KEY`).
"""

import argparse
import os
import signal
import threading
from pathlib import Path

from scaletier.devserver.stripe.server import StandIn


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scaletier.devserver.stripe", description="A stand-in for Stripe."
    )
    parser.add_argument("--file", type=Path, help="where its data is stored (default: in memory)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhook-url", default="", help="the URL to which events are sent")
    parser.add_argument("--shuffle", action="store_true", help="send events in random order")
    parser.add_argument("--repeat", type=int, default=1, help="how often each event is sent")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    stopped = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stopped.set())
    with StandIn(
        options.file,
        options.port,
        api_key=os.environ["STRIPE_SECRET_KEY"],
        control_key=os.environ["STRIPE_STANDIN_CONTROL_KEY"],
    ) as stand_in:
        stand_in.webhooks.url = options.webhook_url
        stand_in.webhooks.secret = os.environ["STRIPE_WEBHOOK_SECRET"]
        stand_in.webhooks.shuffle = options.shuffle
        stand_in.webhooks.repeat = options.repeat
        threading.Thread(target=stand_in.webhooks.run, daemon=True).start()
        stopped.wait()


main()
