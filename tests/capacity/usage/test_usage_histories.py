"""Random traffic, in batches, repeated, shuffled and late, against a count event by event (R14).

The reference keeps no sums: at the end it looks at every event once more, with the time at which
it came, and counts each window minute by minute.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Project
from accounts.operations.projects import create_project
from capacity.models import Kind, TokenUnit
from capacity.usage.domain.coverage import Covered, MinuteUse, Weights, cover
from capacity.usage.domain.windows import MINUTE, OPEN_AFTER_END, WINDOW, window_of
from capacity.usage.models import OrganizationUsage, UsageDay, UsageMinute, UsageWindow
from capacity.usage.operations.events import Recorded, UsageEvent, record_usage
from capacity.usage.operations.sweep import close_due_windows_everywhere
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.usage import View, usage
from tests.cast import GPT, GROK, Acme, at, make_acme

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

NOON = at("2026-01-10")
TPM = 100


@dataclass(frozen=True)
class Sent:
    """One event as it is sent. `minute` is counted from noon."""

    minute: int
    project: int
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    disable: bool
    late: int
    """Calls after its own."""


@st.composite
def traffic(draw: st.DrawFn) -> list[Sent]:
    sent = []
    for _ in range(draw(st.integers(5, 40))):
        tokens = draw(st.integers(0, 2_000))
        sent.append(
            Sent(
                minute=draw(st.integers(0, 119)),
                project=draw(st.integers(0, 1)),
                model=draw(st.sampled_from([GROK, GPT])),
                input_tokens=tokens,
                cached_tokens=draw(st.integers(0, tokens)),
                output_tokens=draw(st.integers(0, 600)),
                disable=draw(st.booleans()) and draw(st.booleans()),
                late=draw(st.sampled_from([0, 0, 0, 1, 2, 5])),
            )
        )
    return sent


def events_of(sent: Sequence[Sent], projects: Sequence[Project]) -> list[UsageEvent]:
    return [
        UsageEvent(
            id=f"event {number}",
            at=NOON + item.minute * MINUTE,
            model=item.model,
            input_tokens=item.input_tokens,
            cached_tokens=item.cached_tokens,
            output_tokens=item.output_tokens,
            project=projects[item.project].public_id,
            disable=item.disable,
        )
        for number, item in enumerate(sent)
    ]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=traffic(), batch=st.integers(1, 15), shuffle=st.randoms(use_true_random=False))
def test_however_events_come_the_usage_is_that_of_the_reference(
    catalogue: None, sent: list[Sent], batch: int, shuffle: Any
) -> None:
    acme = make_acme("2026-01-10", is_sandbox=True)
    TokenUnit.objects.update(tpm=TPM)  # So that small events exhaust a window.
    projects = [
        acme.organization.projects.get(),
        create_project(organization=acme.organization, name="Search", by=acme.alice, now=NOON),
    ]
    acme.buys("2026-01-10", GROK, input=2, output=1)
    events = events_of(sent, projects)
    calls: defaultdict[int, list[UsageEvent]] = defaultdict(list)
    for item, event in zip(sent, events, strict=True):
        calls[item.minute // 30 + item.late].append(event)
    came: dict[str, datetime] = {}
    for number in range(max(calls) + 1):
        now = NOON + (number + 1) * timedelta(minutes=30)
        in_call = [*calls[number], *shuffle.sample(calls[number], len(calls[number]) // 2)]
        shuffle.shuffle(in_call)
        for start in range(0, len(in_call), batch):
            part = in_call[start : start + batch]
            _check_counts(_send(acme, part, now), part, set(came))
            came.update(dict.fromkeys((event.id for event in part), now))
            if shuffle.random() < 0.2:
                acme.organization.clock_at = now
                acme.organization.save()
                close_due_windows_everywhere(now=now)
    _compare(acme, events, came, projects, now)


def _send(acme: Acme, events: Sequence[UsageEvent], now: datetime) -> Recorded:
    return record_usage(
        organization=acme.organization, events=events, now=now, received_on=now.date()
    )


def _check_counts(recorded: Recorded, part: Sequence[UsageEvent], known: set[str]) -> None:
    new = {event.id for event in part} - known
    assert (recorded.accepted, recorded.duplicates) == (len(new), len(part) - len(new))
    assert not recorded.rejected


def _compare(
    acme: Acme,
    events: Sequence[UsageEvent],
    came: dict[str, datetime],
    projects: Sequence[Project],
    now: datetime,
) -> None:
    for project in (None, *projects):
        for model in (GROK, GPT):
            counted = [
                event
                for event in events
                if event.model == model and (not project or event.project == project.public_id)
            ]
            for kind in (Kind.INPUT, Kind.OUTPUT):
                covered = _covered(acme, events, came, model, kind, project)
                whole = sum(
                    event.input_tokens if kind == Kind.INPUT else event.output_tokens
                    for event in counted
                )
                for view in (View.DAYS, View.WINDOWS):
                    shown = usage(
                        acme.organization,
                        view=view,
                        now=now,
                        kind=kind,
                        model=model,
                        project=project,
                    ).totals
                    assert shown["requests"] == len(counted)
                    assert shown["scale"] == covered
                    assert shown["scale"] + shown["account"] == whole


def _covered(
    acme: Acme,
    events: Sequence[UsageEvent],
    came: dict[str, datetime],
    model: str,
    kind: Kind,
    project: Project | None,
) -> int:
    """Covered tokens, counted from the events that came before their window closed."""
    groups: defaultdict[tuple[datetime, str, bool], list[UsageEvent]] = defaultdict(list)
    for event in events:
        closes_at = window_of(event.at) + WINDOW + OPEN_AFTER_END
        if event.model == model and came[event.id] < closes_at:
            groups[event.at, event.project or "", event.disable].append(event)
    windows: defaultdict[datetime, list[MinuteUse]] = defaultdict(list)
    numbers = {found.public_id: found.pk for found in Project.objects.all()}
    for (minute, of_project, opted_out), group in groups.items():
        windows[window_of(minute)].append(
            MinuteUse(
                minute=minute,
                project=numbers[of_project],
                pool=0,
                opted_out=opted_out,
                requests=len(group),
                input_tokens=sum(event.input_tokens for event in group),
                cached_tokens=sum(event.cached_tokens for event in group),
                output_tokens=sum(event.output_tokens for event in group),
            )
        )
    allowances = {0: {"input": 2 * TPM * 15, "output": TPM * 15}} if model == GROK else {}
    snapshot = TokenUnit.objects.filter(snapshot__model=model)[0].snapshot
    weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
    rows: list[Covered] = [
        row for uses in windows.values() for row in cover(uses, allowances, weights)
    ]
    return sum(
        row.input_tokens if kind == Kind.INPUT else row.output_tokens
        for row in rows
        if project is None or row.use.project == project.pk
    )


def test_days_are_the_sums_of_closed_windows_and_minutes_of_open_ones_are_left(
    acme: Acme,
) -> None:
    events = [
        UsageEvent(f"{minute}", NOON + minute * MINUTE, GROK, 1_000, 10) for minute in range(60)
    ]
    _send(acme, events, NOON + timedelta(minutes=59))
    assert not UsageDay.objects.exists()
    _send(acme, [], NOON + timedelta(minutes=119))
    assert UsageWindow.objects.count() == 3
    [day] = UsageDay.objects.all()
    assert (day.requests, day.input_tokens, day.output_tokens) == (45, 45_000, 450)
    assert UsageMinute.objects.count() == 60


def test_after_an_outage_each_day_is_closed_for_itself(acme: Acme) -> None:
    OrganizationUsage.objects.create(
        organization=acme.organization, closed_until=at("2026-01-07", "00:00")
    )
    minute = {"organization": acme.organization, "project_id": 1, "pool_id": 0, "opted_out": False}
    minute |= {"requests": 1, "input_tokens": 5, "cached_tokens": 0, "output_tokens": 0}
    snapshot = TokenUnit.objects.filter(snapshot__model=GROK)[0].snapshot_id
    for day in ("2026-01-07", "2026-01-08", "2026-01-10"):
        UsageMinute.objects.create(minute=at(day), snapshot_id=snapshot, **minute)
    broken = UsageMinute.objects.filter(minute=at("2026-01-10"))
    broken.update(snapshot_id=10**9)  # Which does not exist.
    with pytest.raises(KeyError):
        close_due_windows(acme.organization, now=at("2026-01-12"))
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8]
    broken.update(snapshot_id=snapshot)
    assert close_due_windows(acme.organization, now=at("2026-01-12")) == at("2026-01-11", "00:00")
    assert [row.day.day for row in UsageDay.objects.order_by("day")] == [7, 8, 10]
