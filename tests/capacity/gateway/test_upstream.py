"""Headers on their way up and back: what is not in ASCII is left out, and breaks nothing."""

import asyncio

from capacity.gateway.calls import headers_back
from capacity.gateway.upstream import Upstream, UpstreamSettings, header
from tests.loops import run

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nopenai-version: \xff\r\ncontent-type: \xc3\xa9\r\n"
    b"openai-processing-ms: 7\r\nserver: upstream\r\n\r\n{}"
)


def test_headers_that_are_not_in_ascii_are_left_out() -> None:
    received = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()

    async def ask() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            upstream = Upstream(UpstreamSettings(url=f"http://127.0.0.1:{port}/v1"))
            headers = {b"accept": b"\xff", b"traceparent": b"\xc3\xa9", b"openai-beta": b"a\tb"}
            request = upstream.plain("/v1/chat/completions", b"{}", headers, "greq_1")
            response = await request.send()
            assert headers_back(response) == [(b"openai-processing-ms", b"7")]
            assert header(response, "content-type") is None
            await upstream.close()

    run(ask())
    assert b"openai-beta: a\tb\r\n" in received[0].lower()
    assert received[0].isascii()
    assert b"traceparent" not in received[0].lower()
