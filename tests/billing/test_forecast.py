"""The forecast (R22): what a hard limit ends in it, and its page.

The simulation compares forecasts and timelines with what happens.
"""

from datetime import date

import pytest

from accounts.models import Organization
from billing.domain.money import Money
from billing.models import Invoice
from billing.operations.limits import set_spend_limit
from billing.queries.forecast import forecast
from capacity.models import Expiry, ExpiryReason
from capacity.queries.timeline import KindTimeline, timeline
from tests.cast import Acme, at, day, make_acme, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

START = day("2026-01-05")


def seen(acme: Acme, today: date, end: date) -> list[KindTimeline]:
    """The timeline from the first day to the end of the forecast, as it is seen on a day."""
    return timeline(acme.organization, on=today, start=START, end=end)


def test_a_hard_limit_ends_units_in_the_forecast_and_on_the_timeline() -> None:
    acme = make_acme(days_until_due=400)
    acme.buys("2026-01-10", input=1)
    acme.buys("2026-01-10", input=2)
    acme.open_days("2026-02-05")
    one = forecast(acme.organization, on=day("2026-02-05"))[1].subtotal.amount // (3 * 31)
    set_spend_limit(
        organization=acme.organization,
        project_id=None,
        amount=Money(3 * 31 * one - 1, "usd"),  # The last day of March no longer fits.
        is_hard=True,
        alerts=[],
        by=acme.alice,
        now=at("2026-02-05"),
    )
    invoices = forecast(acme.organization, on=day("2026-02-05"))
    assert [row.subtotal.amount for row in invoices[1:]] == [
        (3 * 30 + 2) * one,
        2 * 30 * one,
        2 * 31 * one,
    ]
    [steps] = seen(acme, day("2026-02-05"), day("2026-04-05"))
    assert [(step.starts_on.isoformat(), step.units) for step in steps.steps] == [
        ("2026-01-05", 0),
        ("2026-01-10", 3),
        ("2026-03-31", 2),
    ]
    acme.open_days(invoices[-1].period.end.isoformat())
    issued = Invoice.objects.filter(period_start__gte=day("2026-02-01")).order_by("number")
    assert [row.total for row in issued] == [row.total.amount for row in invoices]
    expiry = Expiry.objects.get()
    assert (expiry.reason, expiry.units) == (ExpiryReason.SPEND_LIMIT, 1)
    assert expiry.ended_on == day("2026-03-31")


def test_the_page_shows_four_invoices_to_those_who_may_buy() -> None:
    acme = make_acme("2026-01-01", is_sandbox=True, discount="12.5")
    acme.buys("2026-01-10", input=4)
    path = f"/organizations/{acme.organization.public_id}/settings/forecast/"
    Organization.objects.update(clock_at=at("2026-01-10"))
    page = signed_in(acme.bob).get(path).content.decode()
    for total in ("$770.00", "$980.00", "$1,085.00", "$1,050.00"):  # docs/rules.md, R22.
        assert total in page
    assert signed_in(acme.mallory).get(path).status_code == 403
    assert signed_in(acme.charlie).get(path).status_code == 404
