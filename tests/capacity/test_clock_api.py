"""The clock of a sandbox through the API: reading it and advancing it (R13)."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization, Role
from tests.api_client import ApiCast, Caller, Response, problem, with_key
from tests.cast import at, make_acme, person

pytestmark = pytest.mark.django_db


def advance(caller: Caller, to: Any) -> Response:
    return caller.post("clock/advance", {"to": to})


def test_the_clock_of_a_sandbox_stands_where_it_was_set(api: ApiCast) -> None:
    api.set_clock("2026-02-01", "03:04")

    assert api.alice.get("clock").json() == {"now": "2026-02-01T03:04:00Z", "sandbox": True}


def test_the_clock_of_any_other_organization_is_the_real_one(api: ApiCast) -> None:
    Organization.objects.filter(pk=api.globex.pk).update(is_sandbox=False, clock_at=None)

    clock = api.charlie.get("clock").json()

    assert clock["sandbox"] is False
    assert clock["now"] > at("2026-01-10").isoformat()


def test_alice_advances_the_clock_and_reads_what_that_did(api: ApiCast) -> None:
    api.bob.buys(input=1, output=1)

    response = advance(api.alice, "2026-02-03T08:30:00Z")

    assert response.status_code == 200
    assert response.json() == {
        "now": "2026-02-03T08:30:00Z",
        "sandbox": True,
        "days_opened": 24,
        "charges": 6,
        "invoices": 1,
    }
    assert api.alice.get("clock").json() == {"now": "2026-02-03T08:30:00Z", "sandbox": True}


def test_advancing_to_the_same_instant_again_changes_nothing(api: ApiCast) -> None:
    advance(api.alice, "2026-01-12T00:00:00Z")

    clock = advance(api.alice, "2026-01-12T00:00:00Z").json()

    assert (clock["now"], clock["days_opened"]) == ("2026-01-12T00:00:00Z", 0)


def test_an_instant_may_have_any_offset(api: ApiCast) -> None:
    response = advance(api.alice, "2026-01-12T01:30:00.5+02:00")

    assert response.json()["now"] == "2026-01-11T23:30:00Z"


@pytest.mark.parametrize(
    "to",
    [
        "2026-01-10T11:59:59Z",
        "2026-02-11T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "2026-01-11",
        "2026-01-11T12:00:00",
        "2026-02-30T12:00:00Z",
        "tomorrow",
        1768132800,
        None,
    ],
)
def test_refuses_an_instant_that_is_past_too_far_or_malformed(api: ApiCast, to: Any) -> None:
    response = advance(api.alice, to)

    assert problem(response) == (400, "invalid_request")
    assert list(response.json()["errors"]) == ["to"]
    assert api.alice.get("clock").json()["now"] == "2026-01-10T12:00:00Z"


def test_31_days_are_not_too_far(api: ApiCast) -> None:
    assert advance(api.alice, "2026-02-10T23:59:59Z").json()["days_opened"] == 31


def test_refuses_bob_and_mallory_who_are_not_owners(api: ApiCast) -> None:
    for caller in (api.bob, api.mallory):
        assert problem(advance(caller, "2026-01-11T00:00:00Z")) == (403, "not_allowed")
    assert api.alice.get("clock").json()["now"] == "2026-01-10T12:00:00Z"


def test_refuses_peter_whose_organization_is_no_sandbox(api: ApiCast) -> None:
    initech = make_acme(f"{timezone.now():%Y-%m-%d}").organization
    peter = with_key(person("Peter", initech, Role.OWNER), initech)

    assert problem(advance(peter, "2100-01-01T00:00:00Z")) == (403, "not_allowed")
    assert peter.get("clock").json()["sandbox"] is False


def test_the_clock_of_globex_stays_where_it_is(api: ApiCast) -> None:
    advance(api.alice, "2026-02-01T00:00:00Z")

    assert Organization.objects.get(pk=api.globex.pk).clock_at == api.globex.clock_at
