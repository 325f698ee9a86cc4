"""Limits on requests: by API key, by address, and on wrong keys by address."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic

import limits
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey
from accounts.operations.api_keys import MAX_LIVE_KEYS
from common.tokens import digest, new_token
from scaletier.devserver import embedded
from tests.api_client import ApiCast, Caller, problem, with_session
from tests.cast import signed_in
from tests.site import temporary_home

pytestmark = pytest.mark.django_db

addresses = (f"198.51.100.{number}" for number in count(1))


def limited_to(**policies: str) -> override_settings:
    parsed = {name.replace("_", "-"): limits.parse(text) for name, text in policies.items()}
    return override_settings(API_RATE_LIMITS=settings.API_RATE_LIMITS | parsed)


@pytest.fixture
def address() -> str:
    """An address from which no other test sends requests."""
    return next(addresses)


def from_address(address: str, *, key: str) -> Caller:
    caller = Caller(headers={"Authorization": f"Bearer {key}"})
    caller.client.defaults["REMOTE_ADDR"] = address
    return caller


def key_of(caller: Caller) -> str:
    return caller.headers["Authorization"].removeprefix("Bearer ")


def test_every_response_says_what_is_left_of_the_limit(api: ApiCast) -> None:
    with limited_to(key="5/minute"):
        first, second = api.alice.get("clock"), api.alice.get("clock", units="1")

    assert (first.status_code, second.status_code) == (200, 400)
    assert first["RateLimit-Policy"] == second["RateLimit-Policy"] == '"key";q=5;w=60'
    assert first["RateLimit"].startswith('"key";r=4;t=')
    assert second["RateLimit"].startswith('"key";r=3;t=')


def test_a_key_beyond_its_limit_is_told_when_to_come_back(api: ApiCast) -> None:
    with limited_to(key="3/minute"):
        statuses = [api.alice.get("clock").status_code for _ in range(3)]
        with CaptureQueriesContext(connection) as queries:
            refused = api.alice.get("clock")
        other_key = api.bob.get("lots")

    assert statuses == [200] * 3
    assert problem(refused) == (429, "rate_limited")
    assert 1 <= int(refused["Retry-After"]) <= 120
    assert refused["RateLimit"] == f'"key";r=0;t={refused["Retry-After"]}'
    assert len(queries) == 0
    assert other_key.status_code == 200


def test_the_default_is_a_whole_burst_of_thousands_at_once() -> None:
    assert settings.API_RATE_LIMITS["key"] == limits.parse("12000/minute")


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_share_the_limit_of_their_key(api: ApiCast) -> None:
    def read(_: int) -> int:
        try:
            return int(api.alice.get("clock").status_code)
        finally:
            connection.close()

    api.alice.get("clock")  # It notes the last use of the key; the others need no write.
    with limited_to(key="10/minute"), ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(read, range(20)))

    assert sorted(statuses) == [200] * 10 + [429] * 10


def test_many_wrong_keys_are_refused_without_a_look_at_the_database(
    api: ApiCast, address: str
) -> None:
    with limited_to(wrong_keys="5/minute"):
        statuses = [
            from_address(address, key=new_token("st_")).get("keys").status_code for _ in range(5)
        ]
        with CaptureQueriesContext(connection) as queries:
            refused = from_address(address, key=new_token("st_")).get("keys")
        elsewhere = from_address(next(addresses), key=new_token("st_")).get("keys")

    assert statuses == [401] * 5
    assert problem(refused) == (429, "rate_limited")
    assert int(refused["Retry-After"]) >= 1
    assert len(queries) == 0
    assert elsewhere.status_code == 401


def test_good_keys_go_on_from_an_address_that_sends_wrong_ones(api: ApiCast, address: str) -> None:
    """Mallory's key has never been used; it needs no database to be told from a wrong one."""
    with limited_to(wrong_keys="1/minute"):
        for _ in range(3):
            wrong = from_address(address, key="st_wrong").get("keys")
        good = from_address(address, key=key_of(api.mallory)).get("keys")

    assert (wrong.status_code, good.status_code) == (429, 200)


def test_a_key_from_before_keys_were_signed_works_and_has_its_own_limit(
    api: ApiCast, address: str
) -> None:
    secret = new_token("st_")
    ApiKey.objects.filter(user=api.acme.bob.person).update(digest=digest(secret))

    with limited_to(wrong_keys="1/minute", key="2/minute"):
        statuses = [from_address(address, key=secret).get("lots").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_requests_without_a_key_count_for_their_address(api: ApiCast) -> None:
    """An IPv6 address counts as its network: its user chooses the last 64 bits freely."""
    browser = with_session(api.acme.alice, api.acme.organization)
    with limited_to(address="2/minute"):
        responses = []
        for host in range(3):
            browser.client.defaults["REMOTE_ADDR"] = f"2001:db8::{host}"
            responses.append(browser.get("clock"))
        browser.client.defaults["REMOTE_ADDR"] = "2001:db8:0:1::"
        elsewhere = browser.get("clock")

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[0]["RateLimit-Policy"] == '"address";q=2;w=60'
    assert elsewhere.status_code == 200


@pytest.fixture
def silent_valkey() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


def test_without_valkey_requests_are_let_through(api: ApiCast) -> None:
    with temporary_home() as home:
        with (
            embedded.valkey(home, durable=False) as url,
            override_settings(VALKEY_URL=url),
            limited_to(key="1/minute"),
        ):
            assert api.alice.get("clock").status_code == 200
            assert api.alice.get("clock").status_code == 429
        with override_settings(VALKEY_URL=url), limited_to(key="1/minute"):
            responses = [api.alice.get("clock") for _ in range(3)]
            wrong = Caller(headers={"Authorization": "Bearer st_wrong"}).get("clock")

    assert [response.status_code for response in responses] == [200] * 3
    assert "RateLimit" not in responses[0]
    assert wrong.status_code == 401


def test_a_silent_valkey_delays_one_request_and_not_the_next(
    api: ApiCast, silent_valkey: str
) -> None:
    with override_settings(VALKEY_URL=silent_valkey):
        started = monotonic()
        statuses = [api.alice.get("clock").status_code for _ in range(5)]

    assert statuses == [200] * 5
    assert monotonic() - started < 2


def test_a_person_has_at_most_so_many_keys_in_an_organization(api: ApiCast) -> None:
    for _ in range(MAX_LIVE_KEYS - 1):
        assert api.alice.post("keys", {"name": "CI"}).status_code == 201

    refused = api.alice.post("keys", {"name": "One more"})
    page = signed_in(api.acme.alice).post(
        f"/organizations/{api.acme.organization.public_id}/settings/api-keys/", {"name": "More"}
    )

    assert problem(refused) == (400, "invalid_request")
    assert "You have 50 API keys here" in refused.json()["detail"]
    assert page.status_code == 422
    assert "You have 50 API keys here" in page.content.decode()
    assert ApiKey.objects.filter(user=api.acme.alice.person).count() == MAX_LIVE_KEYS
    assert api.bob.post("keys", {"name": "CI"}).status_code == 201
    [key, *_] = api.alice.get("keys").json()["data"]
    api.alice.delete(f"keys/{key['id']}")
    assert api.alice.post("keys", {"name": "CI"}).status_code == 201
