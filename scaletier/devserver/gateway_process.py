"""Where `make run` serves the gateway, and the demo upstream behind it.

The demo is started if `SCALETIER_UPSTREAM_URL` is not set. It listens on this machine alone, at
another port each time, and accepts the gateway's key only.
"""

import os
import secrets
import socket
from dataclasses import replace

from django.core.management.base import CommandError

from scaletier.web_address import WebAddress

COMMAND = "-m scaletier.devserver.upstream --port $SCALETIER_DEMO_UPSTREAM_PORT"
LOOPBACK = "127.0.0.1"


def choose_address() -> WebAddress:
    """Return where the gateway is served: at another free port if the usual one is in use.

    Raises CommandError if a port was named and is in use, or is no port.
    """
    address = WebAddress.of_gateway()
    try:
        address.check_free()
    except CommandError:
        if os.environ.get(address.variable):
            raise
        return replace(address, port=_free_port())
    return address


def environment(address: WebAddress) -> dict[str, str]:
    """Return the environment variables of the gateway: Ctrl-C waits five seconds for a process."""
    stop = "SCALETIER_GATEWAY_STOP_SECONDS"
    return {address.variable: str(address.port), stop: os.environ.get(stop) or "3"}


def is_demo_needed() -> bool:
    """Return whether no real upstream is given."""
    return not os.environ.get("SCALETIER_UPSTREAM_URL")


def demo_environment() -> dict[str, str]:
    """Return the environment variables by which the gateway and the demo find each other."""
    port = _free_port()
    no_proxy = ",".join(
        filter(None, (os.environ.get("NO_PROXY"), os.environ.get("no_proxy"), LOOPBACK))
    )
    return {
        "SCALETIER_DEMO_UPSTREAM_PORT": str(port),
        "SCALETIER_UPSTREAM_URL": f"http://{LOOPBACK}:{port}/v1",
        "SCALETIER_UPSTREAM_KEY": secrets.token_urlsafe(24),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
