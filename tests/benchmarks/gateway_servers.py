"""Servers that are measured beside each other, one a process.

`python -m tests.benchmarks.gateway_servers NAME PORT UPSTREAM_PORT`: `upstream` answers everything
at once, `bare` passes it through with the gateway's own parts (granian, ASGI, pyreqwest), `aiohttp`
with aiohttp's server and client; `gateway` is the gateway with limits, admission and metering.
"""

import asyncio
import os
import sys
from typing import Any

import orjson
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

BODY = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-2025-04-14",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "x" * 150},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50},
        "service_tier": "default",
    }
)
JSON = [("content-type", "application/json")]
EVENT = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"x"}}]}\n\n'
EVENTS, PAUSE_SECONDS = 20, 1.0


async def upstream(scope: Any, protocol: Any) -> None:
    """Answer at once; a stream has an event a second."""
    if b'"stream":true' in await protocol():
        transport = protocol.response_stream(200, [("content-type", "text/event-stream")])
        for _ in range(EVENTS):
            await transport.send_bytes(EVENT)
            await asyncio.sleep(PAUSE_SECONDS)
    else:
        protocol.response_bytes(200, JSON, BODY)


class Bare:
    """A pass-through and nothing else, by the parts of the gateway."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from pyreqwest.client import ClientBuilder

        if self.client is None:
            self.client = ClientBuilder().follow_redirects(enable=False).build()
        body = (await receive())["body"]
        request = self.client.post(self.url + scope["path"]).body_bytes(body)
        response = await request.header("content-type", "application/json").build().send()
        answer = (await response.bytes()).to_bytes()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer, "more_body": False})


def gateway(upstream_port: int) -> Any:
    """Return the gateway of one organization that holds plenty, with the key `acme`."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")
    django.setup()
    from capacity.gateway.admission import Admission
    from capacity.gateway.app import Gateway
    from capacity.gateway.entitlements import Entitlements
    from capacity.gateway.limits import Limits
    from capacity.gateway.metrics import Metrics, Publisher
    from capacity.gateway.process import Parts, Process
    from capacity.gateway.upstream import Upstream, UpstreamSettings
    from capacity.gateway.valkey import connect
    from tests.capacity.gateway.serving import (
        ACME,
        MODELS,
        PLENTY,
        ServedGateway,
        pool,
        with_pools,
    )

    class Nothing:
        """The entitlements are here already."""

        def age(self) -> float:
            return 0.0

        async def run(self) -> None:
            await asyncio.Event().wait()

        tend = run

        async def keep(self, *, at_once: bool) -> None:
            pass

    def start() -> Parts:
        entitlements, metrics = Entitlements(PLENTY), Metrics()
        entitlements.replace_snapshots(MODELS)
        much = pool(1, input=10**12, output=10**12)
        ServedGateway(None, entitlements).put(with_pools(ACME, much), "acme")  # type: ignore[arg-type]
        entitlements.loaded_at = 0.0
        admission = Admission(connect(os.environ["VALKEY_URL"]))
        url = f"http://127.0.0.1:{upstream_port}/v1"
        serving = Gateway(
            entitlements=entitlements,
            admission=admission,
            upstream=Upstream(UpstreamSettings(url=url, key="platform")),
            limits=Limits(requests_of_key=5_000, requests_of_organization=5_000),
            metrics=metrics,
            default_output=1_024,
        )
        return Parts(serving, Nothing(), admission, Publisher(metrics), 5)  # type: ignore[arg-type]

    return Process(start)


def serve_aiohttp(port: int, url: str) -> None:
    """Serve a pass-through by aiohttp alone, on uvloop."""
    import uvloop
    from aiohttp import ClientSession, TCPConnector, web

    sessions: list[ClientSession] = []

    async def handle(request: web.Request) -> web.Response:
        if not sessions:
            sessions.append(ClientSession(connector=TCPConnector(limit=0)))
        body, headers = await request.read(), {"content-type": "application/json"}
        async with sessions[0].post(url + request.path, data=body, headers=headers) as response:
            return web.Response(body=await response.read(), headers=headers)

    uvloop.install()
    application = web.Application()
    application.router.add_post("/{path:.*}", handle)
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)


def main(name: str, port: int, upstream_port: int) -> None:
    url = f"http://127.0.0.1:{upstream_port}"
    if name == "aiohttp":
        serve_aiohttp(port, url)
        return
    interface = {"upstream": Interfaces.RSGI, "bare": Interfaces.ASGINL, "gateway": Interfaces.ASGI}
    targets = {
        "upstream": lambda: upstream,
        "bare": lambda: Bare(url),
        "gateway": lambda: gateway(upstream_port),
    }
    Server(
        name,
        port=port,
        interface=interface[name],
        loop=Loops.uvloop,
        workers=int(os.environ.get("BENCHMARK_WORKERS", "1")),
        http=HTTPModes.http1,
        websockets=False,
        backlog=8_192,
        backpressure=8_192,
        log_level=LogLevels.warning,
    ).serve(target_loader=targets[name], wrap_loader=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
