"""Random traffic, in batches, repeated, shuffled and late, against a count event by event (R14).

The reference keeps no sums: at the end it looks at every event once more, with the time at which
it came, and counts each window minute by minute.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from itertools import product
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Project
from accounts.operations.projects import create_project
from capacity.models import Kind, Pool, Snapshot, TokenUnit
from capacity.operations.pools import create_pool
from capacity.operations.purchases import buy_units
from capacity.usage.domain.coverage import MinuteUse, Weights
from capacity.usage.domain.windows import MINUTE, OPEN_AFTER_END, WINDOW, window_of
from capacity.usage.operations.events import Recorded, UsageEvent, record_usage
from capacity.usage.operations.sweep import close_due_windows_everywhere
from capacity.usage.queries.usage import View, usage
from common.instants import midnight, rfc3339
from tests.capacity.usage.domain.test_coverage import naive
from tests.cast import GPT, GROK, Acme, at, make_acme, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

NOON = at("2026-01-10")
TPM = 100
COMBINED = "gpt-5.4"

Key = tuple[datetime, int, int, bool]
"""A minute, a project, a pool, and whether capacity was declined."""


@dataclass(frozen=True)
class Sent:
    """One event as it is sent. `minute` is counted from noon."""

    minute: int
    project: int
    model: str
    in_batch_pool: bool
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
        model = draw(st.sampled_from([GROK, GROK, COMBINED, GPT]))
        sent.append(
            Sent(
                minute=draw(st.integers(0, 119)),
                project=draw(st.integers(0, 1)),
                model=model,
                in_batch_pool=model == GROK and draw(st.booleans()),
                input_tokens=tokens,
                cached_tokens=draw(st.integers(0, tokens)),
                output_tokens=draw(st.integers(0, 600)),
                disable=draw(st.booleans()) and draw(st.booleans()),
                late=draw(st.sampled_from([0, 0, 0, 1, 2, 5])),
            )
        )
    return sent


@dataclass
class Customer:
    """Acme with two projects, a pool for batches, and units of all kinds.

    `came` tells when each event came first; `grown_at` when one unit more was bought.
    """

    acme: Acme
    projects: list[Project]
    batch: Pool
    grown_at: datetime
    came: dict[UsageEvent, datetime] = field(default_factory=dict)

    def allowances(self, model: str, window: datetime) -> dict[int, dict[str, int]]:
        """What its pools may use in a window, by primary key (0: the default pool) and kind."""
        grown = window >= window_of(self.grown_at)
        return {
            GROK: {
                0: {"input": (2 + grown) * TPM * 15, "output": TPM * 15},
                self.batch.pk: {"input": TPM * 15},
            },
            COMBINED: {0: {"combined": 3 * TPM * 15}},
            GPT: {},
        }[model]


def make_customer(grown_at: datetime) -> Customer:
    acme = make_acme("2026-01-10", is_sandbox=True)
    TokenUnit.objects.update(tpm=TPM)  # So that small events exhaust a window.
    organization, by = acme.organization, acme.alice
    project = create_project(organization=organization, name="Search", by=by, now=NOON)
    batch = create_pool(organization=organization, model=GROK, name="Batch", by=by, now=NOON)
    acme.buys("2026-01-10", GROK, input=2, output=1)
    acme.buys("2026-01-10", COMBINED, combined=3)
    for pool, now in ((batch.public_id, NOON), (None, grown_at)):
        buy_units(
            organization=organization, model=GROK, units={"input": 1}, pool=pool, by=by, now=now
        )
    return Customer(acme, [organization.projects.get(is_default=True), project], batch, grown_at)


def events_of(sent: Sequence[Sent], customer: Customer) -> list[UsageEvent]:
    return [
        UsageEvent(
            id=f"event {number}",
            at=NOON + item.minute * MINUTE,
            model=item.model,
            input_tokens=item.input_tokens,
            cached_tokens=item.cached_tokens,
            output_tokens=item.output_tokens,
            project=customer.projects[item.project].public_id,
            pool=customer.batch.public_id if item.in_batch_pool else None,
            disable=item.disable,
        )
        for number, item in enumerate(sent)
    ]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=traffic(),
    batch=st.integers(1, 15),
    grown=st.integers(0, 119),
    shuffle=st.randoms(use_true_random=False),
)
def test_however_events_come_the_usage_is_that_of_the_reference(
    catalogue: None, sent: list[Sent], batch: int, grown: int, shuffle: Any
) -> None:
    customer = make_customer(NOON + grown * MINUTE)
    organization = customer.acme.organization
    calls: defaultdict[int, list[UsageEvent]] = defaultdict(list)
    for item, event in zip(sent, events_of(sent, customer), strict=True):
        calls[item.minute // 30 + item.late].append(event)
    for number in range(max(calls) + 1):
        now = NOON + (number + 1) * timedelta(minutes=30)
        in_call = [*calls[number], *shuffle.sample(calls[number], len(calls[number]) // 2)]
        shuffle.shuffle(in_call)
        for start in range(0, len(in_call), batch):
            part = in_call[start : start + batch]
            _check_counts(_send(customer.acme, part, now), part, set(customer.came))
            customer.came = dict.fromkeys(part, now) | customer.came
        organization.clock_at = now
        organization.save()
        if shuffle.random() < 0.5:
            close_due_windows_everywhere(now=now)
        _check_conservation(customer, shuffle.choice(list(View)), now)
    for view in View:
        _check_conservation(customer, view, now)
    _check_coverage(customer, now)


def _send(acme: Acme, events: Sequence[UsageEvent], now: datetime) -> Recorded:
    return record_usage(
        organization=acme.organization, events=events, now=now, received_on=now.date()
    )


def _check_counts(recorded: Recorded, part: Sequence[UsageEvent], known: set[UsageEvent]) -> None:
    new = set(part) - known
    assert (recorded.accepted, recorded.duplicates) == (len(new), len(part) - len(new))
    assert not recorded.rejected


def _bucket(view: View, at: datetime) -> datetime:
    if view == View.DAYS:
        return midnight(at.date())
    return window_of(at) if view == View.WINDOWS else at


def _tokens(event: UsageEvent, kind: Kind) -> int:
    return event.input_tokens if kind == Kind.INPUT else event.output_tokens


def _check_conservation(customer: Customer, view: View, now: datetime) -> None:
    """Scale Tier and account plan are everything that came in, in every bucket, also as CSV."""
    for kind, project in product((Kind.INPUT, Kind.OUTPUT), (None, *customer.projects)):
        shown = usage(
            customer.acme.organization, view=view, now=now, kind=kind, project=project
        ).buckets
        came_in: defaultdict[datetime, list[int]] = defaultdict(lambda: [0, 0])
        for event in customer.came:
            bucket = _bucket(view, event.at)
            of_project = project is None or event.project == project.public_id
            if of_project and shown[0].start <= bucket <= shown[-1].start:
                came_in[bucket][0] += 1
                came_in[bucket][1] += _tokens(event, kind)
        counted = {row.start: [row.requests, row.tokens] for row in shown if row.requests}
        assert counted == came_in
    exported = {
        row["start_utc"]: [
            int(row["requests"]),
            int(row["scale_tier_tokens"]) + int(row["account_plan_tokens"]),
        ]
        for row in _csv(customer, view, project)
        if int(row["requests"])
    }
    assert exported == {rfc3339(start): sums for start, sums in came_in.items()}


def _csv(customer: Customer, view: View, project: Project | None) -> list[dict[str, str]]:
    url = reverse("usage_csv", args=[customer.acme.organization.public_id])
    query = {"window": view, "kind": Kind.OUTPUT, "project": project.public_id if project else ""}
    response = signed_in(customer.acme.alice).get(url, query)
    return list(csv.DictReader(StringIO(b"".join(response).decode())))


def _check_coverage(customer: Customer, now: datetime) -> None:
    """Every window shows the covered tokens of the reference, and days their sums."""
    organization = customer.acme.organization
    for model, project in product((GROK, COMBINED, GPT), (None, *customer.projects)):
        covered = _covered(customer, model, project)
        for kind in (Kind.INPUT, Kind.OUTPUT):
            of_kind = {start: sums[kind] for start, sums in covered.items() if sums[kind]}
            windows, days = (
                usage(organization, view=view, now=now, kind=kind, model=model, project=project)
                for view in (View.WINDOWS, View.DAYS)
            )
            assert {row.start: row.scale for row in windows.buckets if row.scale} == of_kind
            assert days.totals["scale"] == sum(of_kind.values())


def _covered(
    customer: Customer, model: str, project: Project | None
) -> dict[datetime, dict[str, int]]:
    """Covered tokens of each window, counted from the events that came before it closed."""
    windows: defaultdict[datetime, defaultdict[Key, list[UsageEvent]]]
    windows = defaultdict(lambda: defaultdict(list))
    pools = {None: 0, customer.batch.public_id: customer.batch.pk}
    projects = {each.public_id: each.pk for each in customer.projects}
    for event, came_at in customer.came.items():
        window = window_of(event.at)
        if event.model == model and came_at < window + WINDOW + OPEN_AFTER_END:
            key = (event.at, projects[str(event.project)], pools[event.pool], event.disable)
            windows[window][key].append(event)
    snapshot = Snapshot.objects.get(model=model)
    weights = Weights.of(snapshot.cached_weight, snapshot.output_weight)
    covered: dict[datetime, dict[str, int]] = {}
    for window, groups in windows.items():
        uses = [_use(key, events) for key, events in groups.items()]
        sums = covered[window] = {"input": 0, "output": 0}
        found = naive(uses, customer.allowances(model, window), weights, window)
        for (_, of_project, _, _, token), tokens in found.items():
            if token in sums and (project is None or of_project == project.pk):
                sums[token] += tokens
    return covered


def _use(key: Key, events: Sequence[UsageEvent]) -> MinuteUse:
    return MinuteUse(
        *key,
        requests=len(events),
        input_tokens=sum(event.input_tokens for event in events),
        cached_tokens=sum(event.cached_tokens for event in events),
        output_tokens=sum(event.output_tokens for event in events),
    )
