"""Counting usage events: each once, in the minute of its admission (R14)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from accounts.models import Organization, Project
from capacity.models import Pool, Snapshot
from capacity.usage.domain.coverage import COMBINED, MinuteUse
from capacity.usage.domain.windows import minute_of, window_of
from capacity.usage.models import DEFAULT_POOL, UsageMinute
from capacity.usage.operations.windows import (
    SUMS,
    Group,
    add,
    add_rows,
    add_to_windows_and_days,
    lock_usage,
)
from capacity.usage.queries.coverage import weights_of, whole_tokens

OLDEST = timedelta(days=30)
"""Events are accepted up to this age."""

EARLIEST = timedelta(minutes=5)
"""Clocks differ: an event may be this far ahead."""

# An id is remembered for the month in which it came and the two months before.
INSERT_IDS = """
INSERT INTO usage_usageevent (organization_id, event_id, received_in)
SELECT %(organization)s, id, %(month)s FROM unnest(%(ids)s::text[]) AS sent (id)
WHERE NOT EXISTS (
    SELECT FROM usage_usageevent earlier
    WHERE earlier.organization_id = %(organization)s AND earlier.event_id = id
      AND earlier.received_in >= %(month)s::date - interval '2 months'
      AND earlier.received_in < %(month)s
)
ON CONFLICT DO NOTHING
RETURNING event_id
"""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One request that was served, as its sender tells it. `project` and `pool` are public ids."""

    id: str
    at: datetime
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    project: str | None = None
    pool: str | None = None
    disable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that cannot be counted, by its position in the call, and why."""

    index: int
    detail: str


@dataclass(slots=True)
class Recorded:
    """What became of the events of one call."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Names:
    """The objects of the organization that events name, by name."""

    snapshots: Mapping[str, int]
    projects: Mapping[str | None, int]
    pools: Mapping[str, tuple[int, int]]
    """The snapshot of a pool, and the pool: 0 for a default pool."""


def record_usage(
    *,
    organization: Organization,
    events: Sequence[UsageEvent | str],
    now: datetime,
    received_on: date,
) -> Recorded:
    """Count events, each id once, however often it is sent; they show at once (R14).

    In the place of an event that could not be read stands the reason. `now` is the organization's
    time; `received_on` is the real day, by which ids are kept for at least a month.
    """
    recorded = Recorded()
    names = _names(organization, [event for event in events if isinstance(event, UsageEvent)])
    usable: dict[str, UsageEvent] = {}
    for index, event in enumerate(events):
        if isinstance(event, str):
            recorded.rejected.append(Rejected(index, event))
        elif problem := _problem(event, names, now):
            recorded.rejected.append(Rejected(index, problem))
        else:
            recorded.duplicates += event.id in usable
            usable.setdefault(event.id, event)
    with transaction.atomic(durable=True):
        usage = lock_usage(organization, now=now)
        new = _insert_ids(organization, list(usable), received_on)
        recorded.accepted = len(new)
        recorded.duplicates += len(usable) - len(new)
        counted = [(_place(usable[key], names), usable[key]) for key in new]
        _count(organization, counted, usage.closed_until)
    return recorded


def _names(organization: Organization, events: Sequence[UsageEvent]) -> _Names:
    snapshots = Snapshot.objects.filter(model__in={event.model for event in events})
    projects = Project.objects.filter(organization=organization)
    pools = Pool.objects.filter(
        organization=organization, public_id__in={event.pool for event in events if event.pool}
    )
    by_id: dict[str | None, int] = {}
    for public_id, key, is_default in projects.values_list("public_id", "pk", "is_default"):
        by_id[public_id] = key
        if is_default:
            by_id[None] = key
    return _Names(
        snapshots=dict(snapshots.values_list("model", "pk")),
        projects=by_id,
        pools={
            public_id: (snapshot, DEFAULT_POOL if is_default else key)
            for public_id, key, snapshot, is_default in pools.values_list(
                "public_id", "pk", "snapshot_id", "is_default"
            )
        },
    )


def _problem(event: UsageEvent, names: _Names, now: datetime) -> str | None:
    """Return why an event cannot be counted, with its field; None if it can."""
    if event.at > now + EARLIEST:
        return "at: It is more than 5 minutes ahead of the organization's clock."
    if event.at < now - OLDEST:
        return "at: It is more than 30 days old."
    if event.model not in names.snapshots:
        return f"model: There is no model “{event.model}”."
    if event.project not in names.projects:
        return f"project: There is no project “{event.project}”."
    if event.pool and names.pools.get(event.pool, (0, 0))[0] != names.snapshots[event.model]:
        return f"pool: There is no pool “{event.pool}” of {event.model}."
    return None


def _place(event: UsageEvent, names: _Names) -> tuple[datetime, Group]:
    """Return the minute and the group in which an event counts."""
    pool = names.pools[event.pool][1] if event.pool else DEFAULT_POOL
    group = (names.snapshots[event.model], names.projects[event.project], pool, event.disable)
    return minute_of(event.at), group


def _insert_ids(organization: Organization, ids: list[str], received_on: date) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_IDS,
            {"organization": organization.pk, "month": received_on.replace(day=1), "ids": ids},
        )
        return [event_id for (event_id,) in cursor.fetchall()]


def _count(
    organization: Organization,
    events: Sequence[tuple[tuple[datetime, Group], UsageEvent]],
    closed_until: datetime,
) -> None:
    minutes: defaultdict[tuple[datetime, Group], list[int]] = defaultdict(lambda: [0] * 4)
    for place, event in events:
        tokens = (1, event.input_tokens, event.cached_tokens, event.output_tokens)
        add(minutes[place], tokens)
    in_time = {key: sums for key, sums in minutes.items() if window_of(key[0]) >= closed_until}
    late = {key: sums for key, sums in minutes.items() if window_of(key[0]) < closed_until}
    add_rows(UsageMinute, organization, "minute", "timestamptz", in_time, SUMS[:4])
    _count_late(organization, late)


def _count_late(
    organization: Organization, minutes: Mapping[tuple[datetime, Group], Sequence[int]]
) -> None:
    """Add events of closed windows to these windows, as account plan: nothing is covered."""
    weights = weights_of({group[0] for _, group in minutes})
    windows: defaultdict[tuple[datetime, Group], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for (minute, group), (requests, tokens, cached, output) in minutes.items():
        snapshot, project, pool, opted_out = group
        of_snapshot, is_combined = weights[snapshot]
        use = MinuteUse(minute, project, pool, opted_out, requests, tokens, cached, output)
        weighted = whole_tokens(use.weighted(COMBINED, of_snapshot)) if is_combined else 0
        add(
            windows[window_of(minute), group],
            (requests, tokens, cached, output, weighted, 0, 0, 0, tokens, output),
        )
    add_to_windows_and_days(organization, windows)
