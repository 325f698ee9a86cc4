"""Renewals that a hard limit is about to refuse are told of 7 days before (R10)."""

import pytest
from django.core import mail

from accounts.models import OutboundEmail
from accounts.operations.emails import send_due_emails
from billing.domain.money import Money
from billing.operations.limits import set_spend_limit
from capacity.models import ListPrice, TokenUnit
from capacity.queries.refused_renewals import refused_renewals
from tests.cast import GROK, Acme, at, day, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(acme: Acme) -> Acme:
    """Acme holds 4 units, past their commitment on 2026-02-24, at 1,000 minor units a day each.

    Its limit has room for all of them until 2026-03-10, and on that day for 3.
    """
    acme.buys("2026-01-25", input=4)
    acme.open_days("2026-03-01")
    set_limit(acme, 4_000 * 9 + 3_000, "2026-03-01")
    return acme


def set_limit(acme: Acme, amount: int, on: str) -> None:
    set_spend_limit(
        organization=acme.organization,
        project_id=None,
        amount=Money(amount, "usd"),
        is_hard=True,
        alerts=[],
        by=acme.alice,
        now=at(on),
    )


def told() -> list[str]:
    emails = OutboundEmail.objects.filter(kind="renewals_refused").order_by("pk")
    return list(emails.values_list("about", flat=True))


def test_owners_are_told_seven_days_before_and_once(acme: Acme) -> None:
    acme.open_days("2026-03-02")
    assert told() == []
    acme.open_days("2026-03-03")
    assert told() == ["2026-03-10"]
    acme.open_days("2026-03-04")
    assert told() == ["2026-03-10", "2026-03-11"]  # On the next day nothing fits any more.
    acme.open_days("2026-03-09")
    assert len(told()) == 2


def test_a_price_that_rises_by_much_is_foreseen_too(acme: Acme) -> None:
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="input")
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-03-09"), amount=30_000)
    set_limit(acme, 4_000 * 8 + 3 * 120_000, "2026-03-01")
    acme.open_days("2026-03-04")
    assert told() == []
    acme.open_days("2026-03-05")
    assert told() == ["2026-03-12"]


def test_what_is_told_is_what_happens(acme: Acme) -> None:
    acme.open_days("2026-03-09")
    [first, *_] = refused_renewals(acme.organization, on=day("2026-03-09"))
    assert (first.units, first.ends_on) == (1, day("2026-03-10"))
    acme.open_days("2026-03-10")
    expiry = first.lot.expiries.get()
    assert (expiry.units, expiry.ended_on) == (first.units, first.ends_on)


def test_the_email_names_the_lots_and_a_raised_limit_unsays_it(acme: Acme) -> None:
    acme.open_days("2026-03-03")
    OutboundEmail.objects.exclude(kind="renewals_refused").delete()
    lot = acme.organization.lots.get()
    type(acme.organization).objects.update(is_sandbox=True, clock_at=at("2026-03-03"))
    send_due_emails(now=at("2026-03-03"))
    [message] = mail.outbox
    assert "ends token units after 2026-03-09" in message.subject
    assert f"1 input unit of {lot.snapshot} (lot {lot.public_id})" in message.body
    set_limit(acme, 10_000_000, "2026-03-03")
    assert refused_renewals(acme.organization, on=day("2026-03-03")) == []


def test_the_page_says_so(acme: Acme) -> None:
    type(acme.organization).objects.update(is_sandbox=True, clock_at=at("2026-03-03"))
    path = f"/organizations/{acme.organization.public_id}/settings/scale-tier/"
    assert (
        "A hard spend limit will end these units" in signed_in(acme.bob).get(path).content.decode()
    )
