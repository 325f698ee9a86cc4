"""The OpenAPI schema and its page."""

import pytest
from django.core.management import call_command
from django.test import Client

from tests.api_client import ROOT


def test_the_schema_is_valid_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)

    assert "openapi: 3" in capsys.readouterr().out


def test_anyone_may_read_the_schema() -> None:
    response = Client().get(f"{ROOT}schema", headers={"Authorization": "Bearer wrong"})
    purchase = response.json()["paths"]["/api/v1/purchases"]["post"]

    assert response["Content-Type"] == "application/json"
    assert [parameter["name"] for parameter in purchase["parameters"]] == ["Idempotency-Key"]
    assert purchase["security"] == [{"apiKey": []}, {"browserSession": []}]
    success, refusals = ["201", "202"], ["400", "401", "403", "404", "409", "422", "429"]
    assert list(purchase["responses"]) == success + refusals
    assert list(purchase["responses"]["409"]["content"]) == ["application/problem+json"]


def test_the_schema_names_the_filters_of_a_list() -> None:
    lots = Client().get(f"{ROOT}schema").json()["paths"]["/api/v1/lots"]["get"]

    assert [parameter["name"] for parameter in lots["parameters"]] == [
        "cursor",
        "limit",
        "model",
        "project",
        "status",
    ]


def test_the_page_of_the_schema_alone_allows_inline_styles() -> None:
    page = Client().get(f"{ROOT}docs")
    policy = page["Content-Security-Policy"]

    assert page.status_code == 200
    assert b"<script>" not in page.content
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in Client().get(f"{ROOT}schema")["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["docs", "schema"])
def test_the_pages_about_the_api_are_only_read(path: str) -> None:
    for method in ("OPTIONS", "POST", "DELETE"):
        assert Client().generic(method, f"{ROOT}{path}").status_code == 405
