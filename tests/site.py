"""The whole product as a person starts it: `manage.py up`, with its own home and port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO

import psutil

from scaletier.devserver.embedded.processes import stop_with_parent

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180
STOP_SECONDS = 40


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Yield the path of a folder that does not exist yet, for the data of engines.

    It is short, unlike pytest's `tmp_path`: PostgreSQL's socket has its usual place.
    """
    with TemporaryDirectory(prefix="scaletier-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve() / "home"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Site:
    """One installation, which can be started and stopped several times; it serves `url`."""

    home: Path
    port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    _output: IO[bytes] = field(default_factory=NamedTemporaryFile)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway_url(self) -> str:
        """The base URL of OpenAI's clients."""
        return f"http://127.0.0.1:{self.gateway_port}/v1"

    @property
    def output(self) -> str:
        """Everything printed since the last start."""
        return Path(self._output.name).read_text()

    def start(self, *arguments: str, **environment: str) -> None:
        """Run `manage.py up` and wait until it is ready."""
        self.launch(*arguments, **environment)
        deadline = time.monotonic() + START_SECONDS
        while f"Scale Tier is ready at {self.url}" not in self.output:
            assert self.process is not None
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def launch(self, *arguments: str, **environment: str) -> None:
        """Run `manage.py up` without waiting for it."""
        self._output = NamedTemporaryFile()  # noqa: SIM115 - read until the end
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=ROOT,
            env={**self._environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(stop_with_parent, signal.SIGTERM),  # noqa: PLW1509 - one system call
        )

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the whole process group, as Ctrl-C does. Returns the exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, stop_signal)
        return self.wait()

    def wait(self) -> int:
        """Wait until the product has stopped. Returns the exit code."""
        assert self.process is not None
        return self.process.wait(STOP_SECONDS)

    def manage(self, *arguments: str) -> str:
        """Run a management command on the same home, while the site runs. Returns its output."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            check=False,
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def processes(self) -> dict[int, str]:
        """Return the process ids and command lines of all processes of this home."""
        return {
            process.pid: " ".join(process.info["cmdline"])
            for process in psutil.process_iter(["cmdline", "environ", "cwd"])
            if (process.info["environ"] or {}).get("SCALETIER_HOME") == str(self.home)
            or Path(process.info["cwd"] or "/").is_relative_to(self.home)
        }

    def _environment(self) -> dict[str, str]:
        excluded_prefixes = ("SCALETIER_", "STRIPE_", "DJANGO_", "PYTEST_")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(excluded_prefixes) and name not in {"DATABASE_URL", "VALKEY_URL"}
        }
        return {
            **inherited,
            "SCALETIER_HOME": str(self.home),
            "SCALETIER_PORT": str(self.port),
            "SCALETIER_GATEWAY_PORT": str(self.gateway_port),
        }
