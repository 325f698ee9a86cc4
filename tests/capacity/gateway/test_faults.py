"""Faults of the upstream, of clients, and what one of them may take of the gateway itself."""

import logging
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import openai
import pytest
from django.conf import settings

from capacity.gateway.admission import Tokens
from capacity.gateway.entitlements import Caller
from capacity.gateway.errors import GatewayError
from capacity.gateway.limits import Limits, OpenRequests
from capacity.gateway.valkey import ALL_SHARDS, connect_blocking
from tests.capacity.gateway.serving import ACME, GLOBEX, MODEL, ServedGateway, serve_gateway

LIMITS = Limits(body=10_000, body_seconds=0.5, requests_of_key=2, stalled_seconds=1)


@pytest.fixture(scope="module")
def served() -> Iterator[ServedGateway]:
    with connect_blocking(settings.VALKEY_URL) as valkey:
        if keys := list(valkey.scan_iter("gateway:*")):
            valkey.delete(*keys)
    with serve_gateway(settings.VALKEY_URL, LIMITS, silent_seconds=1, connect_seconds=1) as served:
        yield served


def ask(prompt: str, **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [
        ("[[error 500]]", 500, "demo_500"),
        ("[[error 400]]", 400, "demo_400"),
        ("[[error 401]]", 502, "upstream_misconfigured"),
        ("[[error 302]]", 502, "upstream_misconfigured"),
        ("[[hang]]", 504, "upstream_timeout"),
    ],
)
def test_an_upstream_that_fails_uses_nothing(
    served: ServedGateway, prompt: str, status: int, code: str, is_stream: bool
) -> None:
    with pytest.raises(openai.APIStatusError) as error:
        served.client().chat.completions.create(**ask(prompt, stream=is_stream))
    assert (error.value.status_code, error.value.code) == (status, code)
    assert error.value.response.headers["x-pt-served"] == "scale"
    assert served.used() is None


@pytest.mark.parametrize(
    ("prompt", "code"),
    [("[[cut]]", "upstream_unreachable"), ("[[malformed]]", "upstream_malformed")],
)
def test_half_an_answer_is_none(served: ServedGateway, prompt: str, code: str) -> None:
    with pytest.raises(openai.InternalServerError) as error:
        served.client().chat.completions.create(**ask(prompt))
    assert (error.value.status_code, error.value.code) == (502, code)
    assert served.used() is None


def test_what_the_upstream_does_not_say_is_estimated(served: ServedGateway) -> None:
    """The demo's text of 150 bytes with its role, and a stream's events, of which one ends it."""
    create = served.client().chat.completions.create
    answer = create(**ask("Hi [[no_usage]]"))
    assert (answer.usage, answer.service_tier) == (None, "scale")
    assert served.used() == Tokens(input=8, output=44)
    list(create(**ask("Hi [[no_usage]] [[tokens 5]]", stream=True)))
    assert served.used() == Tokens(input=11, output=6)
    compressed = create(**ask("[[gzip]] [[tokens 2]]"))
    assert compressed.choices[0].message.content == "This is"
    assert served.used() == Tokens(input=6, output=2)


def test_a_stream_that_is_cut_off_ends_in_an_error_and_counts_what_came(
    served: ServedGateway,
) -> None:
    stream = served.client().chat.completions.create(**ask("[[cut]]", stream=True))
    texts = [next(stream).choices[0].delta.content for _ in range(3)]
    with pytest.raises(openai.APIError, match="broke off"):
        next(stream)
    assert texts == ["", "This", " is"]
    assert served.used() == Tokens(input=6, output=2)


def test_a_malformed_event_is_passed_on_and_the_stream_is_metered(served: ServedGateway) -> None:
    streamed = served.client().chat.completions.with_streaming_response
    with streamed.create(**ask("[[malformed]]", stream=True)) as answer:
        events = answer.read().split(b"\n\n")
    assert [event.endswith(b"}") for event in events[:4]] == [True, True, True, False]
    assert events[-2:] == [b"data: [DONE]", b""]
    assert served.used() == Tokens(input=4, output=34)


def test_a_client_that_leaves_a_stream_ends_it_upstream(served: ServedGateway) -> None:
    left = served.upstream.left
    stream = served.client().chat.completions.create(
        **ask("[[pace 0.02]] [[tokens 2000]]", stream=True)
    )
    for _, chunk in zip(range(4), stream, strict=False):
        assert chunk.choices
    stream.close()
    decision, used = served.settlement()
    assert used is not None
    assert used.input == decision.estimate.input
    assert 3 <= used.output < 200
    served.upstream.wait_until_left(left + 1)


def send(served: ServedGateway, request: str) -> socket.socket:
    """Send the beginning of a request, and return the connection."""
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=10)
    connection.sendall(request.replace("\n", "\r\n").encode())
    return connection


def wait_until_seen(served: ServedGateway) -> None:
    """Wait until the upstream has a request: whoever leaves earlier has asked for nothing."""
    deadline = time.monotonic() + 10
    while not served.upstream.seen:
        assert time.monotonic() < deadline, "nothing came to the upstream"
        time.sleep(0.01)


def post(body: str, *, length: int | None = None, target: str = "/v1/chat/completions") -> str:
    size = len(body) if length is None else length
    return (
        f"POST {target} HTTP/1.1\nhost: gateway\nauthorization: Bearer acme\n"
        f"content-length: {size}\n\n{body}"
    )


def test_a_plain_request_whose_client_leaves_is_counted_when_it_ends(served: ServedGateway) -> None:
    body = f'{{"model":"{MODEL}","messages":[{{"content":"[[delay 0.3]] [[tokens 4]]"}}]}}'
    served.upstream.seen.clear()
    with send(served, post(body)):
        wait_until_seen(served)
    assert served.used() == Tokens(input=7, output=4)


def test_a_client_that_reads_nothing_holds_the_stream_up_and_is_cut_off(
    served: ServedGateway,
) -> None:
    """Were it not held up, some 40 MB would be kept for it, and the stream would end well."""
    left = served.upstream.left
    body = f'{{"model":"{MODEL}","stream":true,"messages":[{{"content":"[[tokens 200000]]"}}]}}'
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", served.port))
        connection.sendall(post(body).replace("\n", "\r\n").encode())
        decision, used = served.settlement()
    assert used is not None
    assert 0 < used.output < 150_000
    served.upstream.wait_until_left(left + 1)
    assert decision.served == "scale"


@pytest.mark.parametrize(
    ("request_text", "status", "code"),
    [
        (post("", length=10_001), 413, "request_too_large"),
        (
            "POST /v1/responses HTTP/1.1\nhost: g\nauthorization: Bearer acme\n"
            "transfer-encoding: chunked\n\n2711\n" + "x" * 10_001 + "\n0\n\n",
            413,
            "request_too_large",
        ),
        (
            post("no size\n").replace("content-length: 8", "transfer-encoding: chunked"),
            400,
            "incomplete_body",
        ),
        (post("{", length=2), 408, "request_too_slow"),
        (post("{}").replace("POST", "GET"), 405, "method_not_allowed"),
        (post("{}", target="/v1/files"), 404, "unknown_url"),
        (post("{}", target="/v1/chat/completions/../../admin"), 404, "unknown_url"),
        (post("{}").replace("host:", f"x-long: {'x' * 80_000}\nhost:"), 431, ""),
        (
            post("{}").replace("content-length: 2", "content-length: 2\ncontent-length: 3"),
            400,
            "",
        ),
    ],
)
def test_what_is_too_large_or_too_slow_or_nowhere_is_refused_by_name(
    served: ServedGateway, request_text: str, status: int, code: str
) -> None:
    served.upstream.seen.clear()
    with send(served, request_text) as connection:
        answer = connection.recv(4_096).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f'"code":"{code}"' in answer or not code
    assert served.upstream.seen == []


def test_no_request_names_another_host_or_path(served: ServedGateway) -> None:
    body = f'{{"model":"{MODEL}","messages":[]}}'
    target = "http://elsewhere.example/v1/chat/completions?path=/v1/files"
    with send(served, post(body, target=target).replace("host: gateway", "host: evil")) as client:
        assert client.recv(4_096).startswith(b"HTTP/1.1 200 ")
    seen = served.upstream.seen[-1]
    assert (seen.path, seen.headers["host"]) == (
        "/v1/chat/completions",
        f"127.0.0.1:{served.upstream.port}",
    )
    served.used()


def test_a_key_has_only_so_many_requests_open_at_once(served: ServedGateway) -> None:
    create = served.client().chat.completions.create
    streams = [create(**ask("[[pace 0.05]]", stream=True)) for _ in range(2)]
    with pytest.raises(openai.RateLimitError) as error:
        create(**ask("Hi"))
    assert error.value.code == "too_many_open_requests"
    assert served.client("globex").chat.completions.create(**ask("Hi")).choices
    for stream in streams:
        stream.close()
    assert len([served.used() for _ in range(3)]) == 3
    assert create(**ask("Hi")).choices
    served.used()


def test_an_organization_has_only_so_many_requests_open_at_once_by_all_its_keys() -> None:
    limits = Limits(requests_of_key=2, requests_of_organization=3)
    first, second, other = (
        Caller(key, "proj", organization)
        for key, organization in (("key_1", ACME), ("key_2", ACME), ("key_3", GLOBEX))
    )
    requests = OpenRequests(limits)
    for caller in (first, first, second, other):
        requests.open(caller)
    for caller, subject in ((first, "This key"), (second, "Your organization")):
        with pytest.raises(GatewayError, match=f"^{subject}"):
            requests.open(caller)
    requests.close(first)
    requests.open(second)
    for caller in (first, second, second, other):
        requests.close(caller)
    assert not requests, "nothing of theirs is kept"


def test_a_connection_that_is_reset_leaves_nothing_behind(served: ServedGateway) -> None:
    body = f'{{"model":"{MODEL}","stream":true,"messages":[{{"content":"[[delay 0.5]]"}}]}}'
    served.upstream.seen.clear()
    connection = send(served, post(body))
    wait_until_seen(served)  # A reset also takes back what the gateway has not read yet.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    assert served.used() == Tokens(input=4)
    with connect_blocking(settings.VALKEY_URL) as valkey:
        assert sum(valkey.zcard(shard.open) for shard in ALL_SHARDS) == 0
    assert served.gateway.metrics.open_streams == 0


def test_no_key_and_no_prompt_is_in_any_log(
    served: ServedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "st_a-key-of-acme"
    served.put(ACME, secret)
    faults = ("[[error 500]]", "[[error 401]]", "[[cut]]", "[[malformed]]", "")
    for fault, is_stream in product(faults, (False, True)):
        with suppress(openai.APIError, ValueError):  # What is malformed is no JSON.
            answer = served.client(secret).chat.completions.create(
                **ask(f"a prompt of Acme {fault}", stream=is_stream)
            )
            list(answer)
        served.used()
    for wrong in (
        f'{{"model": "{secret}"',
        f'{{"model": "{secret}", "input": "a prompt of Acme"}}',
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            served.client(secret).post("/responses", content=wrong.encode(), cast_to=object)
        assert refused.value.response.headers["x-content-type-options"] == "nosniff"
        assert refused.value.response.headers["cache-control"] == "no-store"
    of_client = ("openai", "httpx", "httpcore")
    ours = [
        record.getMessage() + (record.exc_text or "")
        for record in caplog.records
        if not record.name.startswith(of_client)
    ]
    assert any("the upstream answered 401" in line for line in ours)
    told = "\n".join(ours)
    assert [word for word in (secret, "prompt of", "Bearer", "platform") if word in told] == []
