"""OpenAI's own client, unmodified, through the gateway: what it gets, and what goes upstream."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import orjson
import pytest
from django.conf import settings

from capacity.gateway.admission import Tokens
from capacity.gateway.limits import Limits
from capacity.gateway.valkey import ALL_SHARDS, connect_blocking
from tests.capacity.gateway.serving import (
    ACME,
    GLOBEX,
    MODEL,
    OTHER_MODEL,
    ServedGateway,
    pool,
    serve_gateway,
    with_pools,
)
from tests.loops import run


@pytest.fixture(scope="module")
def served() -> Iterator[ServedGateway]:
    with connect_blocking(settings.VALKEY_URL) as valkey:
        if keys := list(valkey.scan_iter("gateway:*")):
            valkey.delete(*keys)
    with serve_gateway(settings.VALKEY_URL, Limits()) as served:
        yield served


SMALL = replace(ACME, pk=3, public_id="org_small")


def ask(prompt: str = "Hi", **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


def test_a_plain_answer_says_what_served_it_and_is_counted_to_the_token(
    served: ServedGateway,
) -> None:
    raw = served.client().chat.completions.with_raw_response.create(
        **ask("Hello [[tokens 7]] [[cached 3]]", max_tokens=50, service_tier="auto"),
        extra_headers={"OpenAI-Project": "proj_search"},
    )
    answer, headers = raw.parse(), raw.headers
    assert answer.choices[0].message.content == "This is the demo upstream of Scale"
    assert (answer.service_tier, headers["x-pt-served"], headers["x-pt-id"]) == (
        *("scale", "scale"),
        "pt_1",
    )
    assert headers["x-pt-limit-output-tokens"] == "1000000"
    assert headers["x-pt-remaining-output-tokens"] == "999950"
    assert 0 < int(headers["x-pt-reset"]) <= 900
    assert "x-pt-reason" not in headers
    decision, used = served.settlement()
    assert answer._request_id == decision.id == headers["x-request-id"]
    assert (decision.estimate, decision.context.project) == (
        Tokens(input=12, output=50),
        "proj_search",
    )
    assert used == Tokens(input=8, output=7, cached=3)


def test_only_what_is_meant_for_the_upstream_goes_there(served: ServedGateway) -> None:
    served.upstream.seen.clear()
    body = (
        b'{"model":  "gpt-4.1-2025-04-14", "seed": 1.0, "messages": [{"content": "\\u20ac \\/"}]}'
    )
    headers = {
        "content-type": "application/json",
        "OpenAI-Beta": "assistants=v2",
        "OpenAI-Organization": "org-of-the-client",
        "X-Forwarded-For": "10.0.0.1",
        "Cookie": "session=1",
        "x-pt-disable": "true",
    }
    client = served.client()
    client.post("/chat/completions", content=body, cast_to=object, options={"headers": headers})
    client.post(
        "/chat/completions",
        body=ask(service_tier="default"),
        cast_to=object,
    )
    first, second = served.upstream.seen
    assert first.path == "/v1/chat/completions"
    assert first.body == body
    assert first.headers.pop("x-client-request-id") == served.settlement()[0].id
    assert first.headers == {
        "host": f"127.0.0.1:{served.upstream.port}",
        "authorization": "Bearer platform",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "scaletier-gateway",
        "openai-beta": "assistants=v2",
    }
    assert orjson.loads(second.body) == ask()
    assert served.settlement()[0].reason == "disabled"


@pytest.mark.parametrize("asks_for_usage", [True, False])
def test_a_stream_is_metered_and_shows_its_usage_only_to_a_client_that_asked(
    served: ServedGateway, asks_for_usage: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if asks_for_usage else {}
    chunks = list(
        served.client().chat.completions.create(**ask("Hi [[tokens 3]]", stream=True, **options))
    )
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert texts == ["", "This", " is", " the", None]
    assert {chunk.service_tier for chunk in chunks} == {"scale"}
    usages = [chunk.usage.total_tokens for chunk in chunks if chunk.usage]
    assert usages == ([7] if asks_for_usage else [])
    assert ("usage" in chunks[0].model_fields_set) is asks_for_usage
    assert served.used() == Tokens(input=4, output=3)


def test_every_way_of_asking_by_the_asynchronous_client(served: ServedGateway) -> None:
    async def talk() -> None:
        async with openai.AsyncOpenAI(api_key="acme", base_url=served.url) as client:
            plain = await client.responses.create(
                model=MODEL, instructions="Be brief.", input="Hi [[tokens 2]]"
            )
            assert (plain.output_text, plain.service_tier) == ("This is", "scale")
            stream = await client.responses.create(
                model=MODEL, input="Hi [[tokens 2]]", stream=True
            )
            events = [event async for event in stream]
            assert events[-1].type == "response.completed"
            assert events[-1].response.service_tier == "scale"
            raw = await client.responses.with_raw_response.create(model=MODEL, input="Hi")
            assert (raw.headers["x-pt-served"], raw.parse().service_tier) == ("scale", "scale")
            chat = await client.chat.completions.create(**ask("Hi [[tokens 2]]", stream=True))
            assert [chunk.choices[0].delta.content async for chunk in chat][1:3] == ["This", " is"]
            async with client.chat.completions.stream(**ask("Hi [[tokens 2]]")) as helper:
                final = await helper.get_final_completion()
            assert (final.choices[0].message.content, final.service_tier) == ("This is", "scale")
            embeddings = await client.embeddings.create(model=MODEL, input=["one", "two"])
            assert len(embeddings.data) == 2
            assert embeddings.model_extra == {"service_tier": "scale"}
            models = await client.models.list()
            assert {model.id for model in models.data} == {MODEL, OTHER_MODEL}
            assert (await client.models.retrieve(MODEL)).id == MODEL

    run(talk())
    decisions = [served.settlement() for _ in range(6)]
    assert [used for _, used in decisions] == [
        Tokens(input=7, output=2),
        Tokens(input=4, output=2),
        Tokens(input=1, output=34),
        *[Tokens(input=4, output=2)] * 2,
        Tokens(input=2),
    ]
    assert [decision.estimate.output for decision, _ in decisions] == [*[1_024] * 5, 0]


def test_headers_choose_what_serves(served: ServedGateway) -> None:
    small = pool(5, input=10**6, output=1_100)
    served.put(with_pools(SMALL, small), "small")
    create = served.client("small").chat.completions.with_raw_response.create

    def served_by(body: dict[str, Any], **headers: str) -> tuple[str | None, ...]:
        said = create(**body, extra_headers=headers).headers
        served.settlement()
        return tuple(said.get(f"x-pt-{name}") for name in ("served", "id", "reason"))

    disabled = ("default", None, "disabled")
    assert served_by(ask(), **{"x-pt-disable": "true"}) == disabled
    assert served_by(ask(service_tier="default")) == disabled
    both = {"x-pt-disable": "TRUE", "x-pt-id": "pt_5"}
    assert served_by(ask(), **both) == ("default", "pt_5", "disabled")
    for nothing_of_ours in ("pt_4", "pt_3", "pt_nope"):  # Foreign, another model's, unknown.
        both["x-pt-id"] = nothing_of_ours
        assert served_by(ask(), **both) == disabled
    assert served_by(ask(service_tier="default"), **{"x-pt-id": "pt_nope"}) == disabled
    assert served_by(ask(), **{"x-pt-id": "pt_5"}) == ("scale", "pt_5", None)
    too_much = ask(max_completion_tokens=1_100)
    assert served_by(too_much, **{"x-pt-id": "pt_5"}) == ("default", "pt_5", "window_exhausted")
    served.put(with_pools(SMALL), "small")
    assert served_by(ask()) == ("default", None, "no_capacity")


REFUSALS: list[tuple[type[openai.APIStatusError], str, str, dict[str, Any], dict[str, str]]] = [
    (openai.NotFoundError, "pool_not_found", "x-pt-id", {}, {"x-pt-id": "pt_4"}),
    (openai.NotFoundError, "pool_not_found", "x-pt-id", {}, {"x-pt-id": "pt_3"}),
    (openai.NotFoundError, "pool_not_found", "x-pt-id", {}, {"x-pt-id": "pt_x" * 40}),
    (openai.BadRequestError, "invalid_value", "x-pt-disable", {}, {"x-pt-disable": "yes"}),
    *(
        (openai.NotFoundError, "project_not_found", "OpenAI-Project", {}, {"OpenAI-Project": name})
        for name in ("proj_globex", "proj_nope")
    ),
    (
        openai.BadRequestError,
        "project_archived",
        "OpenAI-Project",
        {},
        {"OpenAI-Project": "proj_old"},
    ),
    (openai.NotFoundError, "model_not_found", "model", {"model": "gpt-4.1"}, {}),
    *(
        (openai.BadRequestError, "invalid_value", field, {field: value}, {})
        for field, value in (
            ("model", 7),
            ("service_tier", "flex"),
            ("service_tier", ["scale"]),
            ("background", True),
            ("best_of", 129),
            ("stream", "yes"),
            ("stream_options", [True]),
            ("max_tokens", -1),
            ("max_completion_tokens", 1.5),
            ("n", 129),
        )
    ),
]


def test_what_is_refused_names_its_fault_and_never_goes_upstream(served: ServedGateway) -> None:
    served.upstream.seen.clear()
    client = served.client()
    for error, code, param, fields, headers in REFUSALS:
        with pytest.raises(error) as refusal:
            client.post(
                "/chat/completions",
                body=ask(**{"stream": True, **fields}),
                cast_to=object,
                options={"headers": headers},
            )
        said = refusal.value
        assert (said.code, said.param, said.type) == (code, param, "invalid_request_error")
        assert said.request_id
    for secret in ("", "acmee", "acm"):
        with pytest.raises(openai.AuthenticationError) as wrong:
            served.client(secret or "-").chat.completions.create(**ask())
        assert wrong.value.code == "invalid_api_key"
    deep, deeper = b"[" * 500 + b"]" * 500, b"[" * 2_000 + b"]" * 2_000
    for body in (
        *(b"", b"[]", b'{"model":', b'{"model": "\\ud800"}', b'{"model": %b}' % deeper),
        b'{"model": "%b", "messages": %b, "service_tier": "auto"}' % (MODEL.encode(), deep),
    ):
        with pytest.raises(openai.BadRequestError) as broken:
            client.post("/chat/completions", content=body, cast_to=object)
        assert broken.value.code == "invalid_json"
    assert served.upstream.seen == []
    assert served.settled.empty()


def test_beyond_both_limits_the_client_raises_its_own_error(served: ServedGateway) -> None:
    served.put(GLOBEX, "globex")
    entitlements = served.entitlements
    plan = entitlements.default_plan
    entitlements.default_plan = type(plan)(rpm=1, tpm=2_000)
    try:
        client = served.client("globex")
        first = client.chat.completions.with_raw_response.create(**ask())
        assert first.headers["x-pt-reason"] == "window_exhausted"
        why = r"window_exhausted.* 1 requests per minute"
        with pytest.raises(openai.RateLimitError, match=why) as refused:
            client.chat.completions.create(**ask())
        again = client.with_options(max_retries=2)  # It does not: this is never admitted.
        with pytest.raises(openai.RateLimitError) as too_large:
            again.chat.completions.create(**ask(max_tokens=5_000))
    finally:
        entitlements.default_plan = plan
    said = refused.value
    assert (said.code, said.type) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(said.response.headers["retry-after"]) <= 60
    assert said.response.headers["x-pt-remaining-output-tokens"] == "10"
    assert "x-pt-served" not in said.response.headers
    assert (too_large.value.type, too_large.value.response.headers["x-should-retry"]) == (
        "tokens",
        "false",
    )
    assert [served.used() for _ in range(3)] == [Tokens(input=1, output=34), None, None]
    assert served.settled.empty()


def test_retries_of_the_client_are_requests_of_their_own(served: ServedGateway) -> None:
    served.upstream.seen.clear()
    with pytest.raises(openai.RateLimitError) as error:
        served.client(max_retries=2).chat.completions.create(**ask("[[error 429]]"))
    assert error.value.code == "demo_429"
    assert error.value.response.headers["retry-after-ms"] == "10"
    settlements = [served.settlement() for _ in range(3)]
    assert len({decision.id for decision, _ in settlements}) == len(served.upstream.seen) == 3
    assert [used for _, used in settlements] == [None] * 3


def test_before_the_entitlements_are_loaded_a_client_comes_back_when_it_is_asked_to(
    served: ServedGateway,
) -> None:
    """By itself the client would wait half a second at most."""
    answers = []

    def load(answer: Any) -> None:
        answers.append((time.monotonic(), answer.status_code, answer.headers.get("retry-after")))
        served.entitlements.loaded_at = 0.0

    http = openai.DefaultHttpxClient(event_hooks={"response": [load]})
    served.entitlements.loaded_at = None
    served.client(max_retries=1, http_client=http).chat.completions.create(**ask())
    (first, *refused), (second, *answered) = answers
    assert (refused, answered) == ([503, "1"], [200, None])
    assert second - first >= 1
    assert served.gateway.metrics.refusals["not_ready"] == 1
    assert served.used() == Tokens(input=1, output=34)


def test_nothing_stays_reserved(served: ServedGateway) -> None:
    with connect_blocking(settings.VALKEY_URL) as valkey:
        assert sum(valkey.zcard(shard.open) for shard in ALL_SHARDS) == 0
