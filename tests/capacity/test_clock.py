"""Test clocks (R13)."""

import pytest

from accounts.models import AuditEntry
from billing.models import Charge, Invoice
from capacity.operations.clock import NoTestClock, advance_clock
from common.errors import InvalidRequest
from tests.cast import Acme, at, day, make_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(catalogue: None) -> Acme:
    return make_acme("2026-01-10", is_sandbox=True)


def advance(acme: Acme, on: str, time: str = "12:00") -> None:
    advance_clock(organization=acme.organization, to=at(on, time), by=acme.alice)


def test_advancing_the_clock_opens_every_day_on_the_way(sandbox: Acme) -> None:
    sandbox.buys("2026-01-10", input=1)
    advance(sandbox, "2026-02-05", "08:30")
    assert sandbox.organization.now() == at("2026-02-05", "08:30")
    assert sandbox.organization.opened_until == day("2026-02-06")
    assert Charge.objects.filter(type="renewal").count() == 5
    assert Invoice.objects.get().issued_on == day("2026-02-01")
    entry = AuditEntry.objects.get(action="clock.advanced")
    assert entry.before
    assert entry.before["now"].startswith("2026-01-10")
    assert entry.after == {"now": "2026-02-05T08:30:00Z"}
    assert entry.at == at("2026-02-05", "08:30")


def test_advancing_the_clock_within_the_day_opens_nothing(sandbox: Acme) -> None:
    advance(sandbox, "2026-01-10", "23:59")
    assert sandbox.organization.now() == at("2026-01-10", "23:59")
    assert sandbox.organization.opened_until == day("2026-01-11")


def test_the_clock_never_goes_back(sandbox: Acme) -> None:
    advance(sandbox, "2026-01-12")
    with pytest.raises(InvalidRequest, match="never goes back") as refusal:
        advance(sandbox, "2026-01-11")
    assert "to" in refusal.value.errors


def test_the_clock_advances_31_dates_at_most_whatever_the_time_of_day(sandbox: Acme) -> None:
    advance(sandbox, "2026-02-10", "00:00")
    with pytest.raises(InvalidRequest, match="at most 31 days"):
        advance(sandbox, "2026-03-14", "00:00")
    advance(sandbox, "2026-03-13", "23:59")


def test_only_a_sandbox_has_a_clock_to_advance(acme: Acme) -> None:
    with pytest.raises(NoTestClock):
        advance(acme, "2027-01-01")
