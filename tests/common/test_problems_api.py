"""Every error is answered by a problem document (RFC 9457) with a stable code."""

from typing import Any

import pytest
from django.test import Client

from tests.api_client import PROBLEM, ROOT, ApiCast, problem

pytestmark = pytest.mark.django_db


def test_a_problem_document_has_the_fields_of_rfc_9457(api: ApiCast) -> None:
    assert api.mallory.get("lots").json() == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "code": "not_allowed",
        "detail": "Only an owner or an authorized purchaser may see Scale Tier. "
        "Ask an owner for access.",
    }


def test_a_problem_document_names_every_field_at_fault(api: ApiCast) -> None:
    response = api.alice.post("purchasers", {"email": "bob", "name": "Bob"})

    assert response.json() == {
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
@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_an_unknown_path_is_not_found(api: ApiCast, name: str, path: str) -> None:
    caller = getattr(api, name)

    assert problem(caller.get(path)) == (404, "not_found")
    assert problem(caller.post(path, {})) == (404, "not_found")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_the_refusal_of_a_method_names_the_allowed_ones(api: ApiCast, method: str) -> None:
    response = getattr(Client(), method)(f"{ROOT}lots", headers=api.alice.headers)

    assert problem(response) == (405, "invalid_request")
    assert response["Content-Type"] == PROBLEM
    assert response["Allow"] == "GET, HEAD"


def test_head_returns_the_headers_alone(api: ApiCast) -> None:
    response = Client().head(f"{ROOT}lots", headers=api.alice.headers)

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("query", [{"limit": "5"}, {"units": "1"}, {"n\0me": "x"}])
def test_refuses_an_unknown_parameter(api: ApiCast, query: dict[str, str]) -> None:
    response = api.alice.get("clock", **query)

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == list(query)


def test_an_internal_error_keeps_its_details_for_the_log(
    api: ApiCast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("accounts.api.projects.projects", fail)
    client = Client(raise_request_exception=False)

    response = client.get(f"{ROOT}projects", headers=api.alice.headers)

    assert problem(response) == (500, "internal_error")
    assert response["Content-Type"] == PROBLEM
    assert b"swordfish" not in response.content
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "swordfish" in caplog.text


def test_what_django_refuses_before_any_view_is_a_problem_document_too(api: ApiCast) -> None:
    headers = api.alice.headers | {"Host": "elsewhere.example"}

    response = Client().get(f"{ROOT}lots", headers=headers)

    assert problem(response) == (400, "invalid_request")
    assert response["Content-Type"] == PROBLEM
    assert Client().get("/", headers=headers)["Content-Type"].startswith("text/html")


def test_an_error_outside_the_views_is_a_problem_document_too(
    api: ApiCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("common.compression.Compression.process_response", fail)

    response = Client(raise_request_exception=False).get(f"{ROOT}lots", headers=api.alice.headers)

    assert problem(response) == (500, "internal_error")
    assert b"swordfish" not in response.content
