"""Demo traffic: 30 days of requests that could be real.

People work by day and on weekdays, a launch makes one spike, one project sends far too much every
night since a week ago, and one model is bought and hardly used.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import pi, sin
from random import Random

from django.db import transaction

from accounts.models import Organization
from capacity.models import Snapshot
from capacity.usage.domain.windows import (
    MINUTE,
    MINUTES_OF_WINDOW,
    WINDOW,
    closed_until,
    window_of,
)
from capacity.usage.models import DEFAULT_POOL, OrganizationUsage, UsageMinute
from capacity.usage.operations.windows import SUMS, Group, add_rows, lock_usage

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

Row = tuple[tuple[datetime, Group], tuple[int, int, int, int]]


def add_traffic(organization: Organization, *, now: datetime, assistant: str, batch: str) -> None:
    """Count 30 days of requests up to `now`, with every due window closed.

    `assistant` and `batch` are projects; everything else is the default project's.
    They were admitted in time, so they are stored as minutes first; the windows close over them.
    """
    start = window_of(now - DAYS)
    chance = Random(organization.name)  # noqa: S311 - the same traffic at each start
    snapshots = dict(Snapshot.objects.filter(model__in=TOKENS_A_MINUTE).values_list("model", "pk"))
    projects = dict(organization.projects.values_list("public_id", "pk"))
    default = organization.projects.get(is_default=True)
    rows: dict[tuple[datetime, Group], tuple[int, int, int, int]] = {}
    for model, tokens in TOKENS_A_MINUTE.items():
        project = projects[assistant] if model == "gpt-5.2-2025-12-11" else default.pk
        group = (snapshots[model], project, DEFAULT_POOL, False)
        rows |= dict(_minutes(group, tokens, start, now, chance))
    night = (snapshots["gpt-4.1-mini-2025-04-14"], projects[batch], DEFAULT_POOL, False)
    rows |= dict(_nights(night, now, chance))
    opted_out = (snapshots["gpt-4.1-2025-04-14"], projects[batch], DEFAULT_POOL, True)
    rows |= dict(_load_test(opted_out, now, chance))
    with transaction.atomic(durable=True):
        OrganizationUsage.objects.create(organization=organization, closed_until=start)
        add_rows(UsageMinute, organization, "minute", "timestamptz", rows, SUMS[:4])
        lock_usage(organization, now=now)


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
    weekday = 1.0 if minute.weekday() < 5 else 0.25
    launch = 2.4 if _is_launch(minute, now) else 1.0
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


def _sums(tokens: int, chance: Random) -> tuple[int, int, int, int]:
    """Return requests, input tokens, cached ones of them, and output tokens."""
    cached = int(tokens * CACHED_SHARE * chance.uniform(0.8, 1.2))
    output = int(tokens * OUTPUT_SHARE * chance.uniform(0.8, 1.2))
    return max(1, tokens // REQUEST_TOKENS), tokens, cached, output
