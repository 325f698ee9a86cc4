"""Whatever goes wrong is a problem document with a stable code."""

import json
from typing import Any

import pytest
from django.test import Client

from tests.api_client import PROBLEM, ROOT, Neighbours, code, neighbours

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def test_a_problem_is_rfc_9457(here: Neighbours) -> None:
    assert here.mallory.get("lots").json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "code": "not_allowed",
        "detail": "Only an owner or an authorized purchaser may see Scale Tier. "
        "Ask an owner for access.",
    }


def test_a_problem_names_every_field_at_fault(here: Neighbours) -> None:
    answer = here.alice.post("purchasers", {"email": "bob", "name": "Bob"})

    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "invalid_request",
        "detail": "name: There is no such field. email: Enter a valid email address.",
        "errors": {
            "name": ["There is no such field."],
            "email": ["Enter a valid email address."],
        },
    }


@pytest.mark.parametrize("path", ["", "nothing", "lots/", "lots/lot_1/x", "keys/a%00b", "%00", "é"])
@pytest.mark.parametrize("who", ["alice", "nobody"])
def test_an_unknown_address_is_not_found(here: Neighbours, who: str, path: str) -> None:
    caller = getattr(here, who)

    assert code(caller.get(path)) == (404, "not_found")
    assert code(caller.post(path, {})) == (404, "not_found")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_a_method_that_is_not_there_says_which_are(here: Neighbours, method: str) -> None:
    answer = getattr(Client(), method)(f"{ROOT}lots", headers=here.alice.headers)

    assert code(answer) == (405, "invalid_request")
    assert answer["Content-Type"] == PROBLEM
    assert answer["Allow"] == "GET, HEAD"


def test_the_head_of_an_answer_can_be_asked_for(here: Neighbours) -> None:
    answer = Client().head(f"{ROOT}lots", headers=here.alice.headers)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b'"name"',
        b"[]",
        b'{"name": "a", "name": "b"}',
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"name": "a\\u0000b"}',
        b'{"name": ""}',
        b'{"name": {"first": "a"}}',
        b'{"name": "' + b"x" * 121 + b'"}',
        b'{"name": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b" " * 10_000_001,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_broken_body_is_refused_and_breaks_nothing(here: Neighbours, body: bytes) -> None:
    answer = Client().post(
        f"{ROOT}projects", body, content_type="application/json", headers=here.alice.headers
    )

    assert code(answer) == (400, "invalid_request")
    assert len(here.alice.get("projects").json()["data"]) == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_only_json_is_understood(here: Neighbours, content_type: str) -> None:
    answer = Client().post(
        f"{ROOT}projects", "name=Chat", content_type=content_type, headers=here.alice.headers
    )

    assert code(answer) == (415, "invalid_request")


def test_only_json_is_spoken(here: Neighbours) -> None:
    headers = here.alice.headers | {"Accept": "text/csv"}

    assert code(Client().get(f"{ROOT}projects", headers=headers)) == (406, "invalid_request")


def test_json_with_a_charset_is_json(here: Neighbours) -> None:
    answer = Client().post(
        f"{ROOT}projects",
        json.dumps({"name": "Zoë"}, ensure_ascii=False).encode(),
        content_type="application/json; charset=utf-8",
        headers=here.alice.headers,
    )

    assert answer.json()["name"] == "Zoë"


@pytest.mark.parametrize("query", [{"limit": "5"}, {"units": "1"}, {"n\0me": "x"}])
def test_a_parameter_that_means_nothing_is_refused(here: Neighbours, query: dict[str, str]) -> None:
    answer = here.alice.get("clock", **query)

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == list(query)


def test_a_fault_of_ours_is_told_without_its_details(
    here: Neighbours, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("accounts.api.projects.projects", fail)
    client = Client(raise_request_exception=False)

    answer = client.get(f"{ROOT}projects", headers=here.alice.headers)

    assert code(answer) == (500, "internal_error")
    assert answer["Content-Type"] == PROBLEM
    assert b"swordfish" not in answer.content
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "swordfish" in caplog.text
