"""Demo traffic: 30 days of requests that could be real.

People work by day and on weekdays, a launch makes one spike, one project sends far too much every
night since a week ago, and one model is bought and hardly used.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import pi, sin
from random import Random

from django.db import transaction
from django.db.models import Max

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.windows import (
    MINUTE,
    MINUTES_OF_WINDOW,
    WINDOW,
    closed_until,
    minute_of,
    window_of,
)
from capacity.usage.models import DEFAULT_POOL, OrganizationUsage, UsageMinute
from capacity.usage.operations.windows import (
    SUMS,
    Group,
    add_rows,
    close_due_windows,
    lock_usage,
)

DAYS = timedelta(days=30)
LAUNCH_AGE_DAYS, BATCH_NIGHTS = 9, (*range(1, 9), 12)
"""How many days ago the launch was, and the nights with too large a batch."""

TOKENS_A_MINUTE = {
    "gpt-4.1-2025-04-14": 260_000,
    "gpt-4.1-mini-2025-04-14": 60_000,
    "gpt-5.2-2025-12-11": 110_000,
    "gpt-5.4": 1_500,
}
"""Input tokens of a busy minute, by model. GPT-5.4 is bought, and hardly used."""

REQUEST_TOKENS, OUTPUT_SHARE, CACHED_SHARE = 1_800, 0.12, 0.35

NORTHWIND_OWNER = "alice@northwind.example"
ASSISTANT, BATCH = "Support assistant", "Batch evaluation"
"""Projects that send requests, beside the default one."""

Key = tuple[datetime, Group]
Sums = tuple[int, int, int, int]
Row = tuple[Key, Sums]


def add_traffic(organization: Organization, *, now: datetime) -> None:
    """Count 30 days of requests up to `now`, with every due window closed.

    They were admitted in time, so they are stored as minutes first; the windows close over them.
    """
    start = window_of(now - DAYS)
    chance = Random(organization.name)  # noqa: S311 - the same traffic at each start
    rows = _usual_rows(organization, start, now, chance)
    [batch] = organization.projects.filter(name=BATCH).values_list("pk", flat=True)
    snapshots = _snapshots()
    night = (snapshots["gpt-4.1-mini-2025-04-14"], batch, DEFAULT_POOL, False)
    rows |= dict(_nights(night, now, chance))
    opted_out = (snapshots["gpt-4.1-2025-04-14"], batch, DEFAULT_POOL, True)
    rows |= dict(_load_test(opted_out, now, chance))
    with transaction.atomic(durable=True):
        OrganizationUsage.objects.create(organization=organization, closed_until=start)
        _add_minutes(organization, rows)
    close_due_windows(organization, now=now)


def customer_with_traffic() -> Organization | None:
    """Return the demo customer that sends requests, if it is there as it was made."""
    return Organization.objects.filter(
        memberships__user__email=NORTHWIND_OWNER,
        projects__name=ASSISTANT,
        usage__isnull=False,
    ).first()


def continue_traffic(organization: Organization, *, now: datetime) -> None:
    """Count the requests since the last ones, as if the product had not been stopped meanwhile."""
    minutes = UsageMinute.objects.filter(organization=organization)
    with transaction.atomic(durable=True):
        usage = OrganizationUsage.objects.select_for_update().get(organization=organization)
        last = minutes.aggregate(last=Max("minute"))["last"]
        start = max(usage.closed_until, now - DAYS, last + MINUTE if last else now)
        _add_minutes(organization, _usual_rows(organization, start, now, Random()))  # noqa: S311
    close_due_windows(organization, now=now)


def add_requests(organization: Organization, *, now: datetime, seconds: int) -> None:
    """Count the requests of the last seconds, in the present minute."""
    close_due_windows(organization, now=now)
    share, chance = timedelta(seconds=seconds) / MINUTE, Random()  # noqa: S311
    rows = {
        (minute_of(now), group): _sums(
            int(tokens * share * _busyness(now, now) * chance.uniform(0.5, 1.5)), chance
        )
        for group, tokens in _groups(organization)
    }
    with transaction.atomic(durable=True):
        lock_usage(organization, now=now)
        _add_minutes(organization, rows)


def _snapshots() -> dict[str, int]:
    return dict(Snapshot.objects.filter(model__in=TOKENS_A_MINUTE).values_list("model", "pk"))


def _groups(organization: Organization) -> Iterator[tuple[Group, int]]:
    """Yield who sends requests by day, and the tokens of a busy minute."""
    projects = dict(organization.projects.values_list("name", "pk"))
    default = organization.projects.get(is_default=True).pk
    for model, snapshot in _snapshots().items():
        project = projects[ASSISTANT] if model == "gpt-5.2-2025-12-11" else default
        yield (snapshot, project, DEFAULT_POOL, False), TOKENS_A_MINUTE[model]


def _usual_rows(
    organization: Organization, start: datetime, now: datetime, chance: Random
) -> dict[Key, Sums]:
    rows: dict[Key, Sums] = {}
    for group, tokens in _groups(organization):
        rows |= dict(_minutes(group, tokens, start, now, chance))
    return rows


def _add_minutes(organization: Organization, rows: Mapping[Key, Sums]) -> None:
    add_rows(UsageMinute, organization, "minute", "timestamptz", rows, SUMS[:4])


def _minutes(
    group: Group, tokens: int, start: datetime, now: datetime, chance: Random
) -> Iterator[Row]:
    """Yield one row for each window, and one for each minute of the launch and of open windows."""
    minute, still_open = start, closed_until(now)
    while minute <= now:
        step = MINUTE if minute >= still_open or _is_launch(minute, now) else WINDOW
        busy = _busyness(minute, now) * chance.uniform(0.75, 1.25) * (step // MINUTE)
        yield (minute, group), _sums(int(tokens * busy), chance)
        minute += step


def _busyness(minute: datetime, now: datetime) -> float:
    """Return how busy a minute is: about 1 at noon of a weekday, little at night."""
    hour = minute.hour + minute.minute / 60
    by_day = max(0.0, sin((hour - 6) * pi / 14)) if 6 <= hour <= 20 else 0.0
    is_launch = _is_launch(minute, now)
    weekday = 1.0 if minute.weekday() < 5 or is_launch else 0.25
    launch = 2.4 if is_launch else 1.0
    return (0.06 + by_day * weekday) * launch


def _is_launch(minute: datetime, now: datetime) -> bool:
    return (now.date() - minute.date()).days == LAUNCH_AGE_DAYS


def _nights(group: Group, now: datetime, chance: Random) -> Iterator[Row]:
    """Yield three hours of nights in which a batch asks for more than there is."""
    for age in BATCH_NIGHTS:
        first = window_of(now - timedelta(days=age)).replace(hour=2, minute=0)
        for number in range(12):
            tokens = chance.randrange(9, 24) * 10**6 // MINUTES_OF_WINDOW
            for minute in range(MINUTES_OF_WINDOW):
                at = first + number * WINDOW + minute * MINUTE
                yield (at, group), _sums(int(tokens * chance.uniform(0.5, 1.5)), chance)


def _load_test(group: Group, now: datetime, chance: Random) -> Iterator[Row]:
    """Yield requests on the day of the launch that declined capacity."""
    first = window_of(now - timedelta(days=LAUNCH_AGE_DAYS)).replace(hour=10, minute=0)
    for number in range(20):
        yield (first + number * WINDOW, group), _sums(chance.randrange(2, 9) * 10**5, chance)


def _sums(tokens: int, chance: Random) -> Sums:
    """Return requests, input tokens, cached ones of them, and output tokens."""
    cached = int(tokens * CACHED_SHARE * chance.uniform(0.8, 1.2))
    output = int(tokens * OUTPUT_SHARE * chance.uniform(0.8, 1.2))
    return max(1, tokens // REQUEST_TOKENS), tokens, cached, output
