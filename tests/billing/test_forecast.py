"""Forecast and timeline: what they foresee is what happens (R22)."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.models import Invoice
from billing.operations.limits import set_spend_limit
from billing.queries.forecast import forecast
from capacity.models import Expiry, ExpiryReason, Snapshot
from capacity.queries.timeline import KindTimeline, timeline
from tests.cast import GPT, GROK, Acme, at, day, make_acme, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

START = day("2026-01-05")


def on(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


@dataclass(frozen=True)
class Buy:
    number: int
    model: str
    units: int
    in_project: bool
    cancels: int
    """Days after the purchase on which one of its units is cancelled; 0 for none."""


@dataclass(frozen=True)
class Story:
    buys: list[Buy]
    limit: int | None
    """Of the organization, in percent of what the first full period would cost."""
    project_limit: int | None
    form_ends: int | None
    retires: int | None
    discount: str
    anchor_day: int


stories = st.builds(
    Story,
    buys=st.lists(
        st.builds(
            Buy,
            number=st.integers(0, 35),
            model=st.sampled_from([GROK, GPT]),
            units=st.integers(1, 3),
            in_project=st.booleans(),
            cancels=st.integers(0, 4),
        ),
        min_size=1,
        max_size=6,
    ).map(lambda buys: sorted(buys, key=lambda buy: buy.number)),
    limit=st.none() | st.integers(5, 110),
    project_limit=st.none() | st.integers(5, 110),
    form_ends=st.none() | st.integers(40, 110),
    retires=st.none() | st.integers(70, 110),
    discount=st.sampled_from(["0", "12.5", "33.33"]),
    anchor_day=st.sampled_from([1, 9, 31]),
)


@pytest.mark.slow
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=stories)
def test_what_is_foreseen_is_what_happens(story: Story) -> None:
    acme = make_acme(
        on(0),
        anchor_day=story.anchor_day,
        discount=story.discount,
        days_until_due=400,  # R22: everything is paid, so nothing is overdue.
    )
    live(acme, story)
    today = START + timedelta(days=40)
    acme.open_days(today.isoformat())
    set_limits(acme, story, today)

    foreseen = forecast(acme.organization, on=today)
    end = foreseen[-1].period.end
    before = seen(acme, today, end)
    acme.open_days(end.isoformat())

    assert {row.period.start: row.total.amount for row in foreseen if row.lines} == dict(
        Invoice.objects.filter(
            organization=acme.organization, period_start__gte=foreseen[0].period.start
        ).values_list("period_start", "total")
    )
    assert before == seen(acme, end, end)


def seen(acme: Acme, today: date, end: date) -> list[KindTimeline]:
    """The timeline from the first day to the end of the forecast, as it is seen on a day."""
    return timeline(acme.organization, on=today, start=START, end=end)


def live(acme: Acme, story: Story) -> None:
    """Buy and cancel, as the story has it."""
    project = create_project(
        organization=acme.organization, name="Search", by=acme.alice, now=at(on(0))
    ).public_id
    Snapshot.objects.filter(model=GPT).update(
        retires_on=story.retires and START + timedelta(days=story.retires)
    )
    if story.form_ends:
        acme.form_ends(on(story.form_ends), on=on(0))
    for buy in story.buys:
        bought_on = on(buy.number)
        purchase = acme.buys(
            bought_on, buy.model, project if buy.in_project else None, input=buy.units
        )
        if buy.cancels:
            acme.cancels(acme.lot(purchase), 1, on(buy.number + buy.cancels))


def set_limits(acme: Acme, story: Story, today: date) -> None:
    whole = forecast(acme.organization, on=today)[1].subtotal.amount
    projects = acme.organization.projects.filter(is_default=False)
    for project_id, share in (
        (None, story.limit),
        (projects.get().public_id, story.project_limit),
    ):
        if share is not None:
            set_spend_limit(
                organization=acme.organization,
                project_id=project_id,
                amount=Money(whole * share // 100, "usd"),
                is_hard=True,
                alerts=[],
                by=acme.alice,
                now=at(today.isoformat()),
            )


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
    acme.open_days("2026-04-02")
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
