"""The web server, the same one under `make run` and in production: `manage.py serve`.

Granian speaks HTTP with clients and hands each request to `scaletier.asgi`. A buffering proxy that
ends TLS is expected before it in production.
"""

import os
import resource
import signal
import threading
import time
from contextlib import suppress
from typing import Any

from django.utils.module_loading import import_string
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from scaletier.web_address import WebAddress

MAX_CONNECTIONS = 1024
"""How many connections one worker has open at once; further ones wait in the queue."""

STOP_SECONDS = 15
"""Requests that take longer to end when the server stops are broken off."""


def serve(address: WebAddress, *, workers: int, request_seconds: float) -> None:
    """Serve the pages until SIGINT or SIGTERM. A worker that dies is replaced.

    Raises SystemExit if workers die as soon as they start.
    """
    raise_file_limit()
    Server(
        "scaletier.asgi:application",
        address=address.host.strip("[]"),
        port=address.port,
        interface=Interfaces.ASGINL,
        workers=workers,
        http=HTTPModes.http1,
        websockets=False,
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=int(request_seconds * 1000)),
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    ).serve(target_loader=load)


def load(target: str) -> Any:
    """Return the ASGI application, in a worker, which from now on ends with its parent."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    return import_string(target.replace(":", "."))


def _end_with_parent(parent_id: int) -> None:
    """Stop this worker when the main process is killed: it would keep the port for good."""
    while os.getppid() == parent_id:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def raise_file_limit() -> None:
    """Let this process have as many connections open as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has a lower limit than the one that it tells.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
