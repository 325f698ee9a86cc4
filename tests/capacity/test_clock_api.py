"""Moving a sandbox's clock through the API (R13)."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization, Role
from tests.api_client import Answer, Caller, Neighbours, code, neighbours, with_key
from tests.cast import make_acme, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def advance(caller: Caller, to: Any) -> Answer:
    return caller.post("clock/advance", {"to": to})


def test_alice_moves_the_clock_and_reads_what_that_did(here: Neighbours) -> None:
    here.bob.buys(input=1, output=1)

    answer = advance(here.alice, "2026-02-03T08:30:00Z")

    assert answer.status_code == 200
    assert answer.json() == {
        "now": "2026-02-03T08:30:00Z",
        "sandbox": True,
        "days_opened": 24,
        "charges": 6,
        "invoices": 1,
    }
    assert here.alice.get("clock").json() == {"now": "2026-02-03T08:30:00Z", "sandbox": True}


def test_sent_again_it_changes_nothing(here: Neighbours) -> None:
    advance(here.alice, "2026-01-12T00:00:00Z")

    again = advance(here.alice, "2026-01-12T00:00:00Z").json()

    assert (again["now"], again["days_opened"]) == ("2026-01-12T00:00:00Z", 0)


def test_another_offset_is_the_same_instant(here: Neighbours) -> None:
    answer = advance(here.alice, "2026-01-12T01:30:00.5+02:00")

    assert answer.json()["now"] == "2026-01-11T23:30:00Z"


@pytest.mark.parametrize(
    "to",
    [
        "2026-01-10T11:59:59Z",
        "2026-02-10T12:00:01Z",
        "9999-12-31T23:59:59-12:00",
        "2026-01-11",
        "2026-01-11T12:00:00",
        "2026-02-30T12:00:00Z",
        "tomorrow",
        1768132800,
        None,
    ],
)
def test_what_is_back_too_far_or_no_instant_moves_nothing(here: Neighbours, to: Any) -> None:
    answer = advance(here.alice, to)

    assert code(answer) == (400, "invalid_request")
    assert list(answer.json()["errors"]) == ["to"]
    assert here.alice.get("clock").json()["now"] == "2026-01-10T12:00:00Z"


def test_31_days_are_not_too_far(here: Neighbours) -> None:
    assert advance(here.alice, "2026-02-10T12:00:00Z").json()["days_opened"] == 31


def test_only_an_owner_moves_it(here: Neighbours) -> None:
    for caller in (here.bob, here.mallory):
        assert code(advance(caller, "2026-01-11T00:00:00Z")) == (403, "not_allowed")
    assert here.alice.get("clock").json()["now"] == "2026-01-10T12:00:00Z"


def test_a_real_organization_has_no_clock_to_move(here: Neighbours) -> None:
    initech = make_acme(f"{timezone.now():%Y-%m-%d}").organization
    owner = with_key(person("Peter", initech, Role.OWNER), initech)

    assert code(advance(owner, "2100-01-01T00:00:00Z")) == (403, "not_allowed")
    assert owner.get("clock").json()["sandbox"] is False


def test_globex_stays_where_it_is(here: Neighbours) -> None:
    advance(here.alice, "2026-02-01T00:00:00Z")

    assert Organization.objects.get(pk=here.globex.pk).clock_at == here.globex.clock_at
