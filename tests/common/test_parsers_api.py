"""Bodies are read strictly: what is not plain, unambiguous JSON is refused."""

import json

import pytest
from django.test import Client

from tests.api_client import ROOT, ApiCast, problem

pytestmark = pytest.mark.django_db


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
def test_refuses_a_broken_body_and_changes_nothing(api: ApiCast, body: bytes) -> None:
    response = Client().post(
        f"{ROOT}projects", body, content_type="application/json", headers=api.alice.headers
    )

    assert problem(response) == (400, "invalid_request")
    assert len(api.alice.get("projects").json()["data"]) == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_refuses_a_body_that_is_not_json(api: ApiCast, content_type: str) -> None:
    response = Client().post(
        f"{ROOT}projects", "name=Chat", content_type=content_type, headers=api.alice.headers
    )

    assert problem(response) == (415, "invalid_request")


def test_refuses_to_answer_in_anything_but_json(api: ApiCast) -> None:
    headers = api.alice.headers | {"Accept": "text/csv"}

    assert problem(Client().get(f"{ROOT}projects", headers=headers)) == (406, "invalid_request")


def test_accepts_json_with_a_charset(api: ApiCast) -> None:
    response = Client().post(
        f"{ROOT}projects",
        json.dumps({"name": "Zoë"}, ensure_ascii=False).encode(),
        content_type="application/json; charset=utf-8",
        headers=api.alice.headers,
    )

    assert response.json()["name"] == "Zoë"


def test_refuses_a_body_that_claims_another_encoding(api: ApiCast) -> None:
    response = Client().post(
        f"{ROOT}projects",
        b'{"name": "Chat"}',
        content_type="application/json; charset=utf-16",
        headers=api.alice.headers,
    )

    assert problem(response) == (400, "invalid_request")
    assert "UTF-8" in response.json()["detail"]
