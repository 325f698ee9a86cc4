"""Callouts: units that nothing needed for a week, and units that were not enough on each day."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from capacity.models import ListPrice, TokenUnit
from capacity.operations.clock import advance_clock
from capacity.operations.pools import create_pool
from capacity.usage.domain.windows import WINDOW
from capacity.usage.models import ExhaustedWindow
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.queries.callouts import callouts
from tests.capacity.usage.traffic import allowance, output_came
from tests.cast import GPT, GROK, Acme, at, day, make_acme, signed_in

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10", "02:00")
"""The last seven days, all closed, are those from 2026-01-03 to 2026-01-09."""

EACH_DAY = [at(f"2026-01-0{number}") for number in range(3, 10)]


def idle(acme: Acme, now=NOW) -> list[tuple[str, int, str]]:
    found = callouts(acme.organization, now=now).idle
    return [(row.of.kind, row.units, str(row.per_day)) for row in found]


def exhausted(acme: Acme, now=NOW) -> list[tuple[str, int, int]]:
    found = callouts(acme.organization, now=now).exhausted
    return [(row.of.kind, row.windows, row.recommended) for row in found]


def test_units_that_the_largest_window_did_not_need_are_idle(acme: Acme) -> None:
    old = acme.buys("2026-01-02", output=6)
    acme.buys("2026-01-03", output=3)  # At noon: not owned for all that time.
    tokens = {EACH_DAY[0]: allowance(1) + 1, EACH_DAY[5]: 10}
    others = {at("2026-01-02", "23:45"): allowance(9), at("2026-01-10", "00:00"): allowance(9)}
    output_came(acme, tokens | others, now=NOW)
    assert idle(acme) == [("output", 4, "$40.00")]
    acme.cancels(acme.lot(old, "output"), 1, "2026-01-09")  # It ends, so it needs no callout.
    assert idle(acme) == [("output", 3, "$30.00")]


def test_a_day_is_looked_at_once_its_last_window_is_closed(acme: Acme) -> None:
    acme.buys("2026-01-02", output=1)
    assert idle(acme, at("2026-01-10", "00:59")) == []  # The days start on 2026-01-02.
    assert idle(acme, at("2026-01-10", "01:00")) == [("output", 1, "$10.00")]


def test_the_cost_is_the_price_at_which_each_lot_renews_today(acme: Acme) -> None:
    acme.buys("2026-01-02", output=2)
    unit = TokenUnit.objects.get(snapshot__model=GROK, kind="output")
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-01-15"), amount=1_234)
    acme.buys("2026-01-20", output=1)
    assert idle(acme, at("2026-01-30")) == [("output", 3, f"${2 * 10 + 12.34}")]
    acme.open_days("2026-02-02")  # The commitment of the first lot is over.
    assert idle(acme, at("2026-02-02")) == [("output", 3, f"${3 * 12.34:.2f}")]


def test_units_of_one_pool_do_not_help_another(acme: Acme) -> None:
    batch = create_pool(
        organization=acme.organization,
        model=GROK,
        name="Batch",
        by=acme.alice,
        now=at("2026-01-02"),
    )
    purchase = acme.buys("2026-01-02", output=2)
    purchase.lots.update(pool=batch)
    output_came(acme, {EACH_DAY[0]: allowance(9)}, now=NOW)  # To the default pool.
    [row] = callouts(acme.organization, now=NOW).idle
    assert (row.of.pool, row.units, row.only_lot) == ("Batch", 2, purchase.lots.get().public_id)


def test_capacity_is_exhausted_daily_if_it_was_on_each_day_and_still_would_be(acme: Acme) -> None:
    acme.buys("2026-01-02", output=1)
    over = allowance(2) + 1
    output_came(acme, dict.fromkeys(EACH_DAY[1:], over), now=NOW)
    assert exhausted(acme) == []  # Not on 2026-01-03.
    output_came(make_acme(), {EACH_DAY[0]: over}, now=NOW)
    assert exhausted(acme) == []
    other = make_acme()
    other.buys("2026-01-02", output=1)
    twice = {noon + number * WINDOW: over for noon in EACH_DAY for number in (0, 8)}
    output_came(other, {**twice, EACH_DAY[0] - timedelta(days=1): over}, now=NOW)
    assert exhausted(other) == [("output", 14, 2)]
    other.buys("2026-01-09", output=1)
    assert exhausted(other) == [("output", 14, 1)]
    other.buys("2026-01-09", output=1)  # From now on it would be enough.
    assert exhausted(other) == []


def test_what_came_late_was_needed_but_exhausted_nothing(acme: Acme) -> None:
    acme.buys("2026-01-02", output=2)
    late = [UsageEvent(f"{noon}", noon, GROK, 0, allowance(1) + 1) for noon in EACH_DAY]
    record_usage(organization=acme.organization, events=late, now=NOW, received_on=NOW.date())
    assert idle(acme) == []
    assert exhausted(acme) == []


def test_callouts_name_what_can_be_done(catalogue: None) -> None:
    acme = make_acme(is_sandbox=True)
    acme.buys("2026-01-02", output=1)
    gpt = acme.buys("2026-01-02", GPT, input=3)
    output_came(acme, {noon: allowance(3) for noon in EACH_DAY}, now=NOW)
    advance_clock(organization=acme.organization, to=NOW, by=acme.alice)
    url = url_of_callouts(acme)
    text = " ".join(signed_in(acme.alice).get(url).content.decode().split())
    assert "<strong>3 input units</strong>" in text
    assert "$330.00 a day</strong>" in text
    cancel = reverse("cancel_units", args=[acme.organization.public_id, gpt.lots.get().public_id])
    assert f'href="{cancel}?units=3"' in text
    assert ">7 windows</a>" in text
    assert f"?model={GROK}&amp;output=2" in text
    bob = signed_in(acme.bob).get(url).content.decode()
    assert "7 windows" in bob
    assert ">7 windows</a>" not in bob  # Usage is for owners.
    assert signed_in(acme.mallory).get(url).status_code == 403
    acme.buys("2026-01-10", output=2)
    acme.cancels(acme.lot(gpt), 3, "2026-01-10")
    assert "Nothing unused for 7 days" in signed_in(acme.alice).get(url).content.decode()


def test_callouts_take_the_same_statements_for_many_models(
    catalogue: None, same_minute: None, django_assert_max_num_queries: Any
) -> None:
    acme = make_acme("2026-01-01", is_sandbox=True)
    advance_clock(organization=acme.organization, to=NOW, by=acme.alice)
    alice, page = signed_in(acme.alice), url_of_callouts(acme)

    def is_exhausted_daily(model: str) -> None:
        lot = acme.buys("2026-01-10", model, input=1).lots.get()
        ExhaustedWindow.objects.bulk_create(
            ExhaustedWindow(
                organization=acme.organization,
                starts_at=noon,
                snapshot=lot.snapshot,
                pool_id=0,
                kind="input",
                allowance=1,
                used=10**9,
            )
            for noon in EACH_DAY
        )

    def statements() -> int:
        with django_assert_max_num_queries(12) as found:
            assert "exhausted daily" in alice.get(page).text
        return len(found)

    is_exhausted_daily(GROK)
    alice.get(page)
    few = statements()
    for model in (GPT, "gpt-4o-2024-08-06", "gpt-5-mini-2025-08-07"):
        is_exhausted_daily(model)
    assert statements() == few
    text = alice.get(page).text
    assert text.count("exhausted daily") == 4
    assert "<summary>3 more</summary>" in text  # Beside one there is room for a second line alone.


def url_of_callouts(acme: Acme) -> str:
    return reverse("usage_callouts", args=[acme.organization.public_id])
