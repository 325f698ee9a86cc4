"""Lists, a page at a time, at a price that does not grow."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api_client import Neighbours, code, neighbours

pytestmark = pytest.mark.django_db

PAGED = ["purchases", "lots", "cancellations", "transactions", "charges", "pools"]
ACCOUNTS = ["keys", "projects", "purchasers", "audit"]


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def live_through_a_month(here: Neighbours) -> None:
    """Two purchases, three lots, each cancelled partly; one expires, one is undone."""
    for bought in (here.bob.buys(input=3, output=3), here.bob.buys(input=2)):
        for lot in bought["lots"]:
            here.bob.cancels(lot["id"], 1)
            undone = here.bob.cancels(lot["id"], 1)["id"]
            here.bob.post(f"cancellations/{undone}/undo", key=undone)


def everything(here: Neighbours, path: str, **query: Any) -> list[Any]:
    seen: list[Any] = []
    page: dict[str, Any] = {"next": None}
    while not seen or page["next"]:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = here.alice.get(path, **query, **cursor).json()
        assert list(page) == ["data", "next"]
        seen += page["data"]
    return seen


@pytest.mark.parametrize("path", PAGED + ACCOUNTS)
def test_pages_add_up_to_the_whole_list_newest_first(here: Neighbours, path: str) -> None:
    live_through_a_month(here)
    here.come_to("2026-02-09")

    whole = everything(here, path, limit=200)

    assert len(whole) >= 1
    assert everything(here, path, limit=1) == whole
    assert everything(here, path, limit=2) == whole


def test_a_page_holds_fifty_unless_it_is_asked_for_more(here: Neighbours) -> None:
    for number in range(60):
        here.alice.post("projects", {"name": f"Project {number}"})

    page = here.alice.get("projects").json()

    assert [len(page["data"]), len(here.alice.get("projects", limit=200).json()["data"])] == [
        50,
        61,
    ]
    rest = here.alice.get("projects", cursor=page["next"]).json()
    assert (len(rest["data"]), rest["next"]) == (11, None)


def test_what_comes_in_between_two_pages_shifts_nothing(here: Neighbours) -> None:
    for number in range(4):
        here.alice.post("projects", {"name": f"Project {number}"})
    page = here.alice.get("projects", limit=2).json()
    here.alice.post("projects", {"name": "In between"})

    rest = here.alice.get("projects", limit=2, cursor=page["next"]).json()

    names = [project["name"] for project in page["data"] + rest["data"]]
    assert names == ["Project 3", "Project 2", "Project 1", "Project 0"]


@pytest.mark.parametrize("path", [*PAGED, *ACCOUNTS, "models", "capacity"])
def test_a_longer_list_takes_no_more_queries(here: Neighbours, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            here.alice.get(path)
        return len(captured)

    live_through_a_month(here)
    here.come_to("2026-02-09")
    here.alice.get("lots")
    few = queries()
    for _ in range(4):
        live_through_a_month(here)

    assert queries() == few <= 8


@pytest.mark.django_db
def test_a_cursor_is_good_for_its_own_list_only(here: Neighbours) -> None:
    for _ in range(2):
        here.alice.buys(input=1)
    cursor = here.alice.get("lots", limit=1).json()["next"]

    assert here.alice.get("lots", limit=1, cursor=cursor).status_code == 200
    for other in ("purchases", "charges"):
        assert code(here.alice.get(other, cursor=cursor)) == (400, "invalid_request")
