"""The gateway beside bare pass-throughs of the same parts and of aiohttp, all in one run.

It needs wrk: a load generator in Python would be slower than what it measures.
"""

import asyncio
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import psutil
import pytest
from django.conf import settings

from scaletier.devserver.embedded.processes import stop_with_parent
from tests.capacity.gateway.serving import MODEL
from tests.site import ROOT, free_port

ROUNDS, SECONDS, CONNECTIONS = 5, 4, 64
LEAST_SHARE = 0.7
"""Of the requests a second of the bare pass-through by the same parts."""
MOST_ADDED_MS = 1.0
"""At the median, by one connection, over that pass-through."""
MEMORY_REQUESTS, STREAMS = 200_000, 1_000

pytestmark = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")

SCRIPT = f"""
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer acme"
wrk.body = '{{"model":"{MODEL}","max_tokens":64,"messages":[{{"content":"{"a" * 400}"}}]}}'
"""


@contextmanager
def server(name: str, upstream_port: int = 0, **environment: str) -> Iterator[int]:
    """Run a server in its own process; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.benchmarks.gateway_servers",
            name,
            str(port),
            str(upstream_port),
        ],
        cwd=ROOT,
        env={**os.environ, "VALKEY_URL": settings.VALKEY_URL, **environment},
        preexec_fn=partial(stop_with_parent, signal.SIGTERM),  # noqa: PLW1509 - one system call
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def load(port: int, script: Path, *, connections: int, seconds: int) -> tuple[float, float]:
    """Return requests a second, and the median in milliseconds."""
    result = subprocess.run(
        [
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), "--latency"),
            f"http://127.0.0.1:{port}/v1/chat/completions",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Non-2xx" not in result.stdout, result.stdout
    assert "Socket errors" not in result.stdout, result.stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", result.stdout)
    middle = re.search(r"50%\s+([\d.]+)(us|ms|s)", result.stdout)
    assert rate
    assert middle
    return float(rate[1]), float(middle[1]) * {"us": 0.001, "ms": 1, "s": 1000}[middle[2]]


def memory_of(port: int) -> int:
    """Return the bytes of the processes that serve a port."""
    (process,) = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        if connection.pid and psutil.Process(connection.pid).children() == []
    }
    return int(psutil.Process(process).memory_info().rss)


def test_the_gateway_beside_bare_pass_throughs(tmp_path: Path) -> None:
    script = tmp_path / "post.lua"
    script.write_text(SCRIPT)
    busy: dict[str, list[float]] = {}
    quiet: dict[str, list[float]] = {}
    with ExitStack() as running:
        upstream = running.enter_context(server("upstream"))
        ports = {
            name: running.enter_context(server(name, upstream))
            for name in ("bare", "aiohttp", "gateway")
        }
        for port in ports.values():
            load(port, script, connections=CONNECTIONS, seconds=2)
        for _ in range(ROUNDS):  # In turn, so that what else the machine does meets all of them.
            for name, port in ports.items():
                rate, _ = load(port, script, connections=CONNECTIONS, seconds=SECONDS)
                busy.setdefault(name, []).append(rate)
                _, middle = load(port, script, connections=1, seconds=2)
                quiet.setdefault(name, []).append(middle)
    for name in ports:
        print(f"\n{name}: {median(busy[name]):,.0f} requests/s, {median(quiet[name]):.2f} ms alone")
    share = median(ours / bare for ours, bare in zip(busy["gateway"], busy["bare"], strict=True))
    to_aiohttp = median(
        ours / theirs for ours, theirs in zip(busy["gateway"], busy["aiohttp"], strict=True)
    )
    added = median(ours - bare for ours, bare in zip(quiet["gateway"], quiet["bare"], strict=True))
    print(f"{share:.0%} of bare, {to_aiohttp:.0%} of aiohttp's, {added:.2f} ms added")
    assert share >= LEAST_SHARE
    assert to_aiohttp >= 1
    assert added <= MOST_ADDED_MS


@pytest.mark.skipif((os.cpu_count() or 1) < 4, reason="two processes need cores of their own")
def test_two_processes_serve_nearly_twice_as_many(tmp_path: Path) -> None:
    script = tmp_path / "post.lua"
    script.write_text(SCRIPT)
    rates = []
    with server("upstream", BENCHMARK_WORKERS="2") as upstream:
        for workers in ("1", "2"):
            with server("gateway", upstream, BENCHMARK_WORKERS=workers) as port:
                load(port, script, connections=CONNECTIONS, seconds=2)
                rates.append(load(port, script, connections=2 * CONNECTIONS, seconds=8)[0])
    assert rates[1] >= 1.7 * rates[0]


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Over many requests, and over many open streams, whose own memory is given back."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    script = tmp_path / "post.lua"
    script.write_text(SCRIPT)
    with server("upstream") as upstream, server("gateway", upstream) as port:
        load(port, script, connections=CONNECTIONS, seconds=5)
        before, served = memory_of(port), 0.0
        while served < MEMORY_REQUESTS:
            served += 20 * load(port, script, connections=CONNECTIONS, seconds=20)[0]
        after = memory_of(port)
        print(f"\n{served:,.0f} requests: {before >> 20} → {after >> 20} MB")
        assert after < before + 20 * 2**20
        open_, closed = asyncio.run(_streams(port))
    print(f"{STREAMS:,} streams: {open_ >> 20} MB open, {closed >> 20} MB after")
    assert open_ < after + STREAMS * 100 * 1024


async def _streams(port: int) -> tuple[int, int]:
    body = f'{{"model":"{MODEL}","stream":true,"messages":[]}}'
    request = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer acme\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    connections = []
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        connections.append((reader, writer))
    for reader, _ in connections:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    open_ = memory_of(port)
    for _, writer in connections:
        writer.close()
    await asyncio.sleep(3)
    return open_, memory_of(port)
