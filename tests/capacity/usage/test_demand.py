"""The sums of closed windows, which triggers keep: what a replay of 30 days reads (R16)."""

from datetime import datetime, timedelta

import pytest
from django.db.models import F, Sum

from accounts.operations.projects import create_project
from billing.domain.money import Money
from capacity.models import ListPrice, Snapshot, TokenUnit
from capacity.queries.catalogue import find_listing
from capacity.usage.domain.windows import MINUTE, WINDOW, start_of
from capacity.usage.models import UsageDemand, UsageWindow
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.demand import past_traffic
from capacity.usage.queries.replay import replay_past_traffic
from tests.cast import GPT, GROK, Acme, at, day

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")
COLUMNS = ("input_tokens", "cached_tokens", "output_tokens")


def send(acme: Acme, now: datetime, *events: tuple[datetime, int], **fields: str | bool) -> None:
    """Count events of so many input tokens, a tenth of them cached, and one output token."""
    record_usage(
        organization=acme.organization,
        events=[
            UsageEvent(
                id=f"{now} {moment} {tokens} {fields}",
                at=moment,
                model=GROK,
                input_tokens=tokens,
                cached_tokens=tokens // 10,
                output_tokens=1,
                **fields,  # type: ignore[arg-type]
            )
            for moment, tokens in events
        ],
        now=now,
        received_on=now.date(),
    )


def stored() -> dict[datetime, tuple[int, ...]]:
    return {
        start: tuple(sums)
        for start, *sums in UsageDemand.objects.values_list("starts_at", *COLUMNS)
    }


def summed() -> dict[datetime, tuple[int, ...]]:
    """What the windows themselves add up to."""
    rows = UsageWindow.objects.filter(opted_out=False).order_by().values_list("starts_at")
    totals = rows.annotate(**{f"all_{name}": Sum(name) for name in COLUMNS})
    return {start: tuple(map(int, sums)) for start, *sums in totals}


def test_demand_is_the_sum_of_windows_however_they_came_to_be(acme: Acme) -> None:
    search = create_project(organization=acme.organization, name="Search", by=acme.alice, now=NOON)
    send(acme, NOON, (NOON - 4 * MINUTE, 100), (NOON - 5 * MINUTE, 50), (NOON - 2 * WINDOW, 70))
    send(acme, NOON, (NOON - 4 * MINUTE, 20), project=search.public_id)
    send(acme, NOON, (NOON - 4 * MINUTE, 9_000), disable=True)
    later = NOON + timedelta(hours=1, minutes=20)
    close_due_windows(acme.organization, now=later)
    window = NOON - WINDOW
    assert stored() == summed() == {window: (170, 17, 3), NOON - 2 * WINDOW: (70, 7, 1)}

    send(acme, later, (window, 1_000), (window - 9 * WINDOW, 30), (later, 40))
    UsageWindow.objects.filter(starts_at=window).update(output_tokens=F("output_tokens") + 5)
    assert stored() == summed()
    assert stored()[window] == (1_170, 117, 14)

    snapshots = {model: Snapshot.objects.get(model=model) for model in (GROK, GPT)}

    def replayed(model: str, now: datetime) -> dict[datetime, tuple[int, ...]]:
        rows = past_traffic(acme.organization, snapshots[model], now=now)
        return {start_of(number): tuple(tokens) for number, *tokens in rows}

    assert replayed(GROK, later) == {
        window - 9 * WINDOW: (27, 3, 1),
        NOON - 2 * WINDOW: (63, 7, 1),
        window: (1_053, 117, 14),
        NOON + 5 * WINDOW: (36, 4, 1),
    }
    assert replayed(GPT, later) == {}
    # Clocks differ: the next window has traffic already, but the present one is the last.
    now = NOON + 6 * WINDOW - 2 * MINUTE
    send(acme, now, (NOON + 6 * WINDOW, 8))
    assert NOON + 6 * WINDOW not in replayed(GROK, now)
    assert NOON + 6 * WINDOW in replayed(GROK, now + 2 * MINUTE)
    # The same holds for a closed window, and for one that after an outage is still open.
    for oldest in (window, NOON + 5 * WINDOW):
        end = oldest + timedelta(days=30) - WINDOW
        assert oldest in replayed(GROK, end)
        assert oldest not in replayed(GROK, end + WINDOW)


def test_demand_is_kept_for_as_long_as_late_events_can_change_it(acme: Acme) -> None:
    send(acme, NOON, (NOON, 100))
    for days, kept in ((31, True), (32, False)):
        now = NOON + timedelta(days=days)
        send(acme, now, (now, 1))
        close_due_windows(acme.organization, now=now + timedelta(hours=2))
        assert (NOON in stored()) == kept
    assert NOON in summed()


def test_beside_combined_units_the_others_save_nothing(acme: Acme) -> None:
    combined = TokenUnit.objects.get(snapshot__model="gpt-5.4")
    unit = TokenUnit.objects.create(snapshot=combined.snapshot, kind="input", tpm=combined.tpm)
    ListPrice.objects.create(token_unit=unit, from_on=day("2026-01-01"), amount=100, currency="usd")
    event = UsageEvent("long", NOON, "gpt-5.4", 30 * combined.tpm, 0)
    record_usage(organization=acme.organization, events=[event], now=NOON, received_on=NOON.date())
    listing = find_listing(organization=acme.organization, model="gpt-5.4", on=NOON.date())
    past = replay_past_traffic(acme.organization, listing=listing, now=NOON)
    alone, beside = (
        past.costs(past.outcomes({"combined": 1, "input": inputs})) for inputs in (0, 1)
    )
    assert alone.over == beside.over
    assert alone.over
    assert alone.units
    assert beside.units == alone.units + Money(100, "usd")
