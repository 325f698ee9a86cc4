"""Exhausted windows: stored when they close, and explained on a page of their own (R14)."""

import pytest
from django.db import connection

from accounts.operations.projects import create_project
from capacity.models import TokenUnit
from capacity.usage.domain.windows import MINUTE
from capacity.usage.models import DEFAULT_POOL, ExhaustedWindow
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.operations.sweep import close_due_windows_everywhere
from tests.api_client import ApiCast
from tests.cast import GPT, GROK, at

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")
TPM = 1_000
ALLOWANCE = 15 * TPM
"""Of one input unit in a window."""


@pytest.fixture
def busy(api: ApiCast) -> ApiCast:
    """Acme's one input unit ran out at 12:09: the project Batch sent 20,000 tokens. It is 12:20."""
    TokenUnit.objects.update(tpm=TPM)
    api.alice.buys(input=1)
    batch = create_project(
        organization=api.acme.organization, name="Batch", by=api.acme.alice, now=NOON
    ).public_id
    send(
        api,
        "12:20",
        event(2, 5_000),
        event(9, 20_000, project=batch),
        event(11, 1_000),
        event(4, 9_000, disable=True),
        event(4, 7_000, model=GPT),
    )
    return api


def event(minute: int, tokens: int, *, model: str = GROK, **fields: str | bool) -> UsageEvent:
    number = f"{minute} {tokens} {model}"
    return UsageEvent(number, NOON + minute * MINUTE, model, tokens, 100, **fields)  # type: ignore[arg-type]


def send(api: ApiCast, time: str, *events: UsageEvent) -> None:
    """Send events at a time of 2026-01-10, to which the clock is set."""
    api.set_clock("2026-01-10", time)
    recorded = record_usage(
        organization=api.acme.organization,
        events=events,
        now=at("2026-01-10", time),
        received_on=NOON.date(),
    )
    assert recorded.accepted == len(events)


def test_a_window_that_was_exhausted_is_stored_when_it_closes_and_stays(busy: ApiCast) -> None:
    close_due_windows_everywhere(now=at("2999-01-01"))
    assert not ExhaustedWindow.objects.exists()
    busy.set_clock("2026-01-10", "13:15")
    close_due_windows_everywhere(now=at("2999-01-01"))
    close_due_windows_everywhere(now=at("2999-01-01"))
    send(busy, "13:20", event(3, 50_000))  # Late: it asks for nothing.
    [window] = ExhaustedWindow.objects.all()
    assert (window.starts_at, window.pool_id, window.kind) == (NOON, DEFAULT_POOL, "input")
    assert (window.allowance, window.used, window.over) == (ALLOWANCE, 26_000, 11_000)
    assert (window.minutes, window.ran_out_at) == (6, NOON + 9 * MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relname ~ '^usage_exhaustedwindow_[0-9]{6}$'"
        )
        assert cursor.fetchone() == (2,), "this month and the next have partitions"
