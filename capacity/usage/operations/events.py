"""Counting usage events: each once, in the minute of its admission (R14)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

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
    close_due_windows,
    lock_usage,
)
from capacity.usage.queries.coverage import weights_of, whole_tokens

OLDEST = timedelta(days=30)
"""Events are accepted up to this age."""

EARLIEST = timedelta(minutes=5)
"""Clocks differ: an event may be this far ahead."""

# An id is remembered for the month in which it came and the two months before. LIMIT makes the
# database look each id up in the index, whatever it believes about the size of a new partition.
FIND_KNOWN = """
SELECT id FROM unnest(string_to_array(%(ids)s, E'\\n')) AS sent (id)
CROSS JOIN LATERAL (
    SELECT FROM usage_usageevent
    WHERE organization_id = %(organization)s AND event_id = id
      AND received_in BETWEEN %(month)s::date - interval '2 months' AND %(month)s
    LIMIT 1
) known
"""
INSERT_IDS = "COPY usage_usageevent (organization_id, event_id, received_in) FROM STDIN"


class UsageEvent(NamedTuple):
    """One request that was served, as its sender tells it. `project` and `pool` are public ids.

    The id is text on one line.
    """

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


Place = tuple[datetime, Group]
"""The minute and the group in which an event counts."""


class _Named(NamedTuple):
    """What an event says about its place."""

    at: datetime
    model: str
    project: str | None
    pool: str | None
    disable: bool


NAMED = attrgetter(*_Named._fields)


class _Places(dict[tuple[Any, ...], Place | str]):
    """The places of events, or why they cannot be counted, by what they say about it.

    Most events of a call share theirs with others, so each is worked out once.
    """

    def __init__(self, names: _Names, now: datetime | None) -> None:
        super().__init__()
        self.names = names
        self.now = now

    def __missing__(self, key: tuple[Any, ...]) -> Place | str:
        named = _Named(*key)
        self[key] = _problem(named, self.names, self.now) or _place(named, self.names)
        return self[key]


def record_usage(
    *,
    organization: Organization,
    events: Sequence[UsageEvent | str],
    now: datetime,
    received_on: date,
    of_any_time: bool = False,
) -> Recorded:
    """Count events, each id once, however often it is sent; they show at once (R14).

    Events that are too old, or ahead of the organization's clock, are rejected, unless they may be
    `of_any_time`: the gateway's are, as it admitted them itself.

    In the place of an event that could not be read stands the reason. `now` is the organization's
    time; `received_on` is the real day, by which ids are kept for at least a month.
    """
    names = _names(organization, events)
    recorded, places = Recorded(), _Places(names, None if of_any_time else now)
    usable: dict[str, UsageEvent] = {}
    for index, event in enumerate(events):
        if isinstance(event, str):
            recorded.rejected.append(Rejected(index, event))
        elif isinstance(problem := places[NAMED(event)], str):
            recorded.rejected.append(Rejected(index, problem))
        elif event.id in usable:
            recorded.duplicates += 1
        else:
            usable[event.id] = event
    close_due_windows(organization, now=now)
    with transaction.atomic(durable=True):
        usage = lock_usage(organization, now=now)
        new = [usable[key] for key in _insert_ids(organization, usable, received_on)]
        recorded.accepted = len(new)
        recorded.duplicates += len(usable) - len(new)
        _count(organization, _sums(new, places), usage.closed_until)
    return recorded


def _names(organization: Organization, events: Sequence[UsageEvent | str]) -> _Names:
    read = [event for event in events if not isinstance(event, str)]
    snapshots = Snapshot.objects.filter(model__in={event.model for event in read})
    projects = Project.objects.filter(organization=organization)
    pools = Pool.objects.filter(
        organization=organization, public_id__in={event.pool for event in read if event.pool}
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


def _problem(named: _Named, names: _Names, now: datetime | None) -> str | None:
    """Return why an event cannot be counted, with its field; None if it can.

    Without `now` its time does not matter.
    """
    if now and named.at > now + EARLIEST:
        return "at: It is more than 5 minutes ahead of the organization's clock."
    if now and named.at < now - OLDEST:
        return "at: It is more than 30 days old."
    if named.model not in names.snapshots:
        return f"model: There is no model “{named.model}”."
    if named.project not in names.projects:
        return f"project: There is no project “{named.project}”."
    if named.pool and names.pools.get(named.pool, (0, 0))[0] != names.snapshots[named.model]:
        return f"pool: There is no pool “{named.pool}” of {named.model}."
    return None


def _place(named: _Named, names: _Names) -> Place:
    pool = names.pools[named.pool][1] if named.pool else DEFAULT_POOL
    group = (names.snapshots[named.model], names.projects[named.project], pool, named.disable)
    return minute_of(named.at), group


def _insert_ids(
    organization: Organization, ids: Collection[str], received_on: date
) -> Sequence[str]:
    """Insert the ids that are not known yet, and return them.

    The lock of the organization's usage keeps others from inserting them meanwhile. In the order
    of the index it takes half the time.
    """
    month = received_on.replace(day=1)
    sent = "\n".join(sorted(ids))
    with connection.cursor() as cursor:
        cursor.execute(FIND_KNOWN, {"organization": organization.pk, "month": month, "ids": sent})
        known = {event_id for (event_id,) in cursor.fetchall()}
        new = sorted(set(ids) - known)
        if new:
            between = f"\t{month}\n{organization.pk}\t"
            lines = between.join(new).replace("\\", "\\\\")
            with cursor.copy(INSERT_IDS) as copy:
                copy.write(f"{organization.pk}\t{lines}\t{month}\n")
    return new


def _count(
    organization: Organization, minutes: Mapping[Place, Sequence[int]], closed_until: datetime
) -> None:
    in_time = {key: sums for key, sums in minutes.items() if window_of(key[0]) >= closed_until}
    late = {key: sums for key, sums in minutes.items() if window_of(key[0]) < closed_until}
    add_rows(UsageMinute, organization, "minute", "timestamptz", in_time, SUMS[:4])
    _count_late(organization, late)


def _sums(events: Iterable[UsageEvent], places: _Places) -> Mapping[Place, Sequence[int]]:
    """Return requests, input tokens, cached ones of them and output tokens, by place."""
    minutes: defaultdict[Place, list[int]] = defaultdict(lambda: [0] * 4)
    for event in events:
        place = places[NAMED(event)]
        assert not isinstance(place, str), "only events with a place are counted"
        sums = minutes[place]
        sums[0] += 1
        sums[1] += event.input_tokens
        sums[2] += event.cached_tokens
        sums[3] += event.output_tokens
    return minutes


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
