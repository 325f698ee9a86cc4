"""`python -m scaletier.devserver.upstream`: runs the demo until it is interrupted.

The key that it accepts is an environment variable, because everybody can read a command line.
"""

import argparse
import os
import signal
import threading

from scaletier.devserver.upstream.server import DemoUpstream


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scaletier.devserver.upstream", description="A demo upstream without a model."
    )
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    stopped = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stopped.set())
    with DemoUpstream(options.port, os.environ.get("SCALETIER_UPSTREAM_KEY", "")):
        stopped.wait()


main()
