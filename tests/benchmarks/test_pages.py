"""How long the queries of two pages take, Scale Tier and a model, for ten lots and ten thousand."""

import statistics
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import pytest

from accounts.models import Organization
from capacity.queries.active_capacity import capacity_by_model
from capacity.queries.lots import lots_of_model
from tests.benchmarks.population import TODAY, populate
from tests.cast import GROK

pytestmark = pytest.mark.django_db

FIRST_PAGE = 50


def test_ten_thousand_lots_are_read_like_ten() -> None:
    populate(1, lots_each=10)
    populate(1, lots_each=10_000)
    small, large = Organization.objects.order_by("pk")
    for page, read in {
        "Provisioned tokens": _read_active_capacity,
        "First page of a model's lots": _read_first_lots,
    }.items():
        small_time = _median_seconds(partial(read, small))
        large_time = _median_seconds(partial(read, large))
        print(
            f"\n{page}: {small_time * 1000:.1f} ms with 10 lots, "
            f"{large_time * 1000:.1f} ms with 10,000: {large_time / small_time:.1f} times"
        )


def _read_active_capacity(organization: Organization) -> None:
    assert capacity_by_model(organization, on=TODAY)


def _read_first_lots(organization: Organization) -> None:
    assert list(lots_of_model(organization, model=GROK, on=TODAY)[:FIRST_PAGE])


def _median_seconds(action: Callable[[], Any], times: int = 20) -> float:
    durations = []
    for _ in range(times):
        started = perf_counter()
        action()
        durations.append(perf_counter() - started)
    return statistics.median(durations)
