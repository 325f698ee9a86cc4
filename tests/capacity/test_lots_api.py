"""Lots, and cancellations of them, filtered through the API."""

from typing import Any

import pytest

from tests.api_client import ApiCast, problem
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def test_lots_are_filtered_by_model_status_and_project(api: ApiCast) -> None:
    project = api.alice.post("projects", {"name": "Chat"}).json()["id"]
    grok = api.bob.buys(input=1)["lots"][0]["id"]
    gpt = api.bob.buys(GPT, input=1)["lots"][0]["id"]
    order = {"model": GROK, "units": {"input": 1}, "project": project}
    chat = api.bob.post("purchases", order, key="chat").json()["lots"][0]["id"]
    api.bob.cancels(gpt, 1)
    api.set_clock("2026-02-09")

    def lots(**query: str) -> list[str]:
        return [lot["id"] for lot in api.bob.get("lots", **query).json()["data"]]

    assert lots() == [chat, gpt, grok]
    assert lots(model=GROK) == [chat, grok]
    assert lots(project=project) == [chat]
    assert lots(status="expired") == [gpt]
    assert lots(status="active") == [chat, grok]
    assert lots(status="active", project=project, model=GPT) == []
    [cancellation] = api.bob.get("cancellations", model=GPT).json()["data"]
    assert cancellation["lot"] == gpt
    assert api.bob.get("cancellations", model=GROK).json()["data"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "foo"},
        {"status": ["active", "expired"]},
        {"state": "active"},
        {"model": "gr\0k"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "ten"},
        {"cursor": "nonsense"},
        {"cursor": "Zm9v"},
        {"cursor": ""},
    ],
)
def test_refuses_an_invalid_or_unknown_parameter(api: ApiCast, query: dict[str, Any]) -> None:
    response = api.bob.get("lots", **query)

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == list(query)
