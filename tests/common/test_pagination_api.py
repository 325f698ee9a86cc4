"""Lists come a page at a time, by as many queries for a long list as for a short one."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api_client import ApiCast, problem

pytestmark = pytest.mark.django_db

CAPACITY_LISTS = ["purchases", "lots", "cancellations", "transactions", "charges", "pools"]
ACCOUNT_LISTS = ["keys", "projects", "purchasers", "audit"]


def add_rows(api: ApiCast) -> None:
    """Two purchases with three lots. Each lot has two cancellations, one of them undone."""
    for purchase in (api.bob.buys(input=3, output=3), api.bob.buys(input=2)):
        for lot in purchase["lots"]:
            api.bob.cancels(lot["id"], 1)
            cancellation = api.bob.cancels(lot["id"], 1)["id"]
            api.bob.post(f"cancellations/{cancellation}/undo", key=cancellation)


def read_all(api: ApiCast, path: str, **query: Any) -> list[Any]:
    """All rows of a list, read page by page."""
    rows: list[Any] = []
    page: dict[str, Any] = {"next": None}
    while not rows or page["next"]:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = api.alice.get(path, **query, **cursor).json()
        assert list(page) == ["data", "next"]
        rows += page["data"]
    return rows


def test_the_pages_add_up_to_the_whole_list(api: ApiCast, subtests: pytest.Subtests) -> None:
    add_rows(api)
    api.set_clock("2026-02-09")

    for path in CAPACITY_LISTS + ACCOUNT_LISTS:
        with subtests.test(path):
            all_rows = read_all(api, path, limit=200)
            assert len(all_rows) >= 1
            assert read_all(api, path, limit=1) == all_rows
            assert read_all(api, path, limit=2) == all_rows


def test_a_page_holds_fifty_rows_unless_the_request_sets_a_limit(api: ApiCast) -> None:
    for number in range(60):
        api.alice.post("projects", {"name": f"Project {number}"})

    page = api.alice.get("projects").json()

    assert [len(page["data"]), len(api.alice.get("projects", limit=200).json()["data"])] == [
        50,
        61,
    ]
    rest = api.alice.get("projects", cursor=page["next"]).json()
    assert (len(rest["data"]), rest["next"]) == (11, None)


def test_a_row_made_between_two_pages_shifts_no_other(api: ApiCast) -> None:
    for number in range(4):
        api.alice.post("projects", {"name": f"Project {number}"})
    page = api.alice.get("projects", limit=2).json()
    api.alice.post("projects", {"name": "In between"})

    rest = api.alice.get("projects", limit=2, cursor=page["next"]).json()

    names = [project["name"] for project in page["data"] + rest["data"]]
    assert names == ["Project 3", "Project 2", "Project 1", "Project 0"]


def test_a_longer_list_takes_no_more_queries(api: ApiCast, subtests: pytest.Subtests) -> None:
    paths = [*CAPACITY_LISTS, *ACCOUNT_LISTS, "models", "capacity"]

    def count_queries(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            api.alice.get(path)
        return len(queries)

    add_rows(api)
    api.set_clock("2026-02-09")
    api.alice.get("lots")
    few = {path: count_queries(path) for path in paths}
    for _ in range(4):
        add_rows(api)

    for path in paths:
        with subtests.test(path):
            assert count_queries(path) == few[path] <= 8


def test_refuses_a_cursor_of_another_list(api: ApiCast) -> None:
    for _ in range(2):
        api.alice.buys(input=1)
    cursor = api.alice.get("lots", limit=1).json()["next"]

    assert api.alice.get("lots", limit=1, cursor=cursor).status_code == 200
    for path in ("purchases", "charges"):
        assert problem(api.alice.get(path, cursor=cursor)) == (400, "invalid_request")
