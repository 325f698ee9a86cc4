"""A gateway on a port of this machine, in a thread: real server, Valkey and upstream."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from queue import Queue
from time import monotonic
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from openai import OpenAI

from capacity.gateway.admission import Admission, Decision, Tokens
from capacity.gateway.app import Gateway
from capacity.gateway.batches import Settlement
from capacity.gateway.entitlements import (
    Entitlements,
    KeyState,
    OrganizationState,
    Plan,
    PoolState,
    ProjectState,
    SnapshotState,
    Step,
)
from capacity.gateway.limits import Limits
from capacity.gateway.metrics import Metrics
from capacity.gateway.upstream import Upstream, UpstreamSettings
from capacity.gateway.valkey import connect
from capacity.usage.domain.coverage import Weights
from common.tokens import digest
from scaletier.devserver.upstream.server import DemoUpstream
from tests.site import free_port

MODEL, OTHER_MODEL = "gpt-4.1-2025-04-14", "gpt-5.4"
KINDS = {"input": 1, "output": 1}
MODELS = (
    SnapshotState(1, MODEL, Weights(), KINDS),
    SnapshotState(2, OTHER_MODEL, Weights(), KINDS),
)
PLENTY = Plan(rpm=10**6, tpm=10**9)


def pool(pk: int, snapshot: int = 1, **tokens: int) -> PoolState:
    return PoolState(pk, f"pt_{pk}", snapshot, pk == 1, (Step(date(2026, 1, 1), tokens),))


ACME = OrganizationState(
    pk=1,
    public_id="org_acme",
    default_project="proj_default",
    projects={
        "proj_default": ProjectState("proj_default", is_archived=False),
        "proj_search": ProjectState("proj_search", is_archived=False),
        "proj_old": ProjectState("proj_old", is_archived=True),
    },
    pools={1: (pool(1, input=10**6, output=10**6), pool(2)), 2: (pool(3, 2, input=9, output=9),)},
)
GLOBEX = OrganizationState(
    pk=2,
    public_id="org_globex",
    default_project="proj_globex",
    projects={"proj_globex": ProjectState("proj_globex", is_archived=False)},
    pools={1: (pool(4, input=10, output=10),)},
)


Settled = tuple[Decision, Tokens | None]


class Watched(Admission):
    """The admission itself, which remembers what was settled."""

    settled: "Queue[Settled]"

    def settle(self, decision: Decision, actual: Tokens | None) -> Settlement:
        settlement = super().settle(decision, actual)
        handed_over = asyncio.ensure_future(settlement)
        handed_over.add_done_callback(lambda _: self.settled.put((decision, actual)))
        return settlement


@dataclass(slots=True)
class ServedGateway:
    """A running gateway."""

    upstream: DemoUpstream
    entitlements: Entitlements
    gateway: Gateway = field(init=False)
    port: int = field(default_factory=free_port)
    settled: "Queue[Settled]" = field(default_factory=Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def settlement(self) -> Settled:
        """Return the next decision with the tokens that were used, as soon as it is settled."""
        return self.settled.get(timeout=10)

    def used(self) -> Tokens | None:
        """Return the tokens of the next request that is settled."""
        return self.settlement()[1]

    def client(self, secret: str = "acme", **options: Any) -> OpenAI:
        """Return OpenAI's own client, which asks once only unless told otherwise."""
        return OpenAI(**{"api_key": secret, "base_url": self.url, "max_retries": 0, **options})

    def put(self, organization: OrganizationState, secret: str) -> None:
        """Let an organization be known as it is here, with one key."""
        key = KeyState(f"key_{secret}", organization.default_project)
        self.entitlements.replace_organization(organization, {digest(secret): key})


@contextmanager
def serve_gateway(valkey_url: str, limits: Limits, **of_upstream: Any) -> Iterator[ServedGateway]:
    """Serve Acme and Globex, whose keys are `acme` and `globex`, in front of a demo upstream."""
    with DemoUpstream(key="platform") as upstream:
        served = ServedGateway(upstream, Entitlements(PLENTY))
        served.entitlements.replace_snapshots(MODELS)
        served.put(ACME, "acme")
        served.put(GLOBEX, "globex")
        served.entitlements.loaded_at = 0.0
        settings = UpstreamSettings(url=upstream.url, key="platform", **of_upstream)
        started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
        serving = _serve(served, valkey_url, limits, settings, started, stop)
        thread = threading.Thread(target=loop.run_until_complete, args=(serving,), daemon=True)
        thread.start()
        started.wait()
        try:
            _wait_until_it_listens(served.port)
            yield served
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)


def _wait_until_it_listens(port: int) -> None:
    """The server does not say it. Without this the first test could come too early."""
    deadline = monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert monotonic() < deadline, "the gateway does not listen"
            threading.Event().wait(0.01)
        else:
            return


async def _serve(
    served: ServedGateway,
    valkey_url: str,
    limits: Limits,
    settings: UpstreamSettings,
    started: threading.Event,
    stop: asyncio.Event,
) -> None:
    admission = Watched(connect(valkey_url))
    admission.settled = served.settled
    served.gateway = Gateway(
        entitlements=served.entitlements,
        admission=admission,
        upstream=Upstream(settings),
        limits=limits,
        metrics=Metrics(),
        default_output=1_024,
    )
    server = Server(
        served.gateway,
        port=served.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        http1_settings=HTTP1Settings(max_buffer_size=32_768),
    )
    serving = asyncio.create_task(server.serve())
    started.set()
    await stop.wait()
    server.stop()
    await serving
    await admission.close()
    await admission.valkey.aclose()


def with_pools(organization: OrganizationState, *pools: PoolState) -> OrganizationState:
    return replace(organization, pools={1: pools})
