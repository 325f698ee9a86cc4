"""The gateway's server, the same one under `make run` and in production: `manage.py gateway`.

It is granian like that of the pages, with processes, a port and limits of its own. Streams need its
ASGI interface: there the gateway waits for a client that reads slowly, and keeps nothing for it.
"""

import os
from tempfile import TemporaryDirectory

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from scaletier.web_address import WebAddress
from scaletier.web_server import load, raise_file_limit

MAX_CONNECTIONS = 8_192
"""How many connections one process has open at once; further ones wait in the queue."""

MAX_HEADER_BYTES = 32_768
"""All headers of a request together; beyond, the answer is 431."""

LAST_SECONDS = 10
"""What a process may take to hand over what it has metered, when its requests have had their time.
"""

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes keep their metrics, so that each can tell those of all."""


def serve(address: WebAddress, *, workers: int, request_seconds: float, stop_seconds: int) -> None:
    """Serve the gateway until SIGINT or SIGTERM. A process that dies is replaced.

    Requests may go on for `stop_seconds` after that; then each process breaks them off, and hands
    over what they used. One that takes much longer is killed.
    """
    raise_file_limit()
    with TemporaryDirectory(prefix="scaletier-metrics-") as folder:
        os.environ.setdefault(METRICS_FOLDER, folder)
        Server(
            "scaletier.gateway_asgi:application",
            address=address.host.strip("[]"),
            port=address.port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            workers=workers,
            http=HTTPModes.http1,
            websockets=False,
            backlog=MAX_CONNECTIONS,
            backpressure=MAX_CONNECTIONS,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(request_seconds * 1000), max_buffer_size=MAX_HEADER_BYTES
            ),
            log_level=LogLevels.warning,
            respawn_failed_workers=True,
            workers_kill_timeout=stop_seconds + LAST_SECONDS,
        ).serve(target_loader=load)
