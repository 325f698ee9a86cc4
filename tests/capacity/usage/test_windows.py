"""Exhausted windows: stored when they close, and explained on a page of their own (R14)."""

import csv
import re
from datetime import timedelta
from importlib import import_module
from io import StringIO
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.operations.projects import create_project
from capacity.models import Pool, TokenUnit
from capacity.usage.domain.windows import MINUTE
from capacity.usage.models import DEFAULT_POOL, ExhaustedWindow, UsageMinute
from capacity.usage.operations.events import UsageEvent, record_usage
from capacity.usage.operations.sweep import close_due_windows_everywhere
from tests.api_client import ApiCast
from tests.cast import GPT, GROK, at, signed_in

pytestmark = pytest.mark.django_db

NOON = at("2026-01-10")
ids = count()
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
    return UsageEvent(f"request {next(ids)}", NOON + minute * MINUTE, model, tokens, 100, **fields)  # type: ignore[arg-type]


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


def window(api: ApiCast, start: str = "2026-01-10T12:00Z", kind: str = "input") -> str:
    """The address of a window of Acme's default pool."""
    pool = Pool.objects.get(organization=api.acme.organization, snapshot__model=GROK)
    return reverse(
        "usage_window", args=[api.acme.organization.public_id, pool.public_id, start, kind]
    )


def text_of(client: Client, address: str, **headers: str) -> str:
    """What a page says, without markup."""
    response = client.get(address, headers=headers)
    assert response.status_code == 200, response.content
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode()).split())


def test_a_window_says_why_as_long_as_anything_of_it_is_kept(busy: ApiCast) -> None:
    alice = signed_in(busy.acme.alice)
    ran_out = (
        "The allowance of 15,000 tokens ran out at 12:09, 6 min before the window ended. It was"
        " 11,000 short; of what went over came 91% from Batch and 9% from Default project."
    )
    users = (
        "Batch Default pool 1 10,000 10,000 Default project Default pool 2 5,000 1,000"
        " Default project Default pool Opted out 1 0 9,000"
    )
    unit = "In this window 11,000 of 11,000 tokens covered"
    text = text_of(alice, window(busy))
    assert f"{ran_out} The window is open: late events can change this until 13:15 UTC." in text
    assert users in text
    assert "12:09 20,000 15,000 10,000 12:10 0 15,000 10,000 12:11 1,000 15,000 11,000" in text
    assert f"{unit} In the last 30 days 0 of 0 exhausted windows" in text

    send(busy, "13:20", event(3, 50_000))
    [stored] = ExhaustedWindow.objects.values()
    for other in ({"pool_id": 10**9}, {"starts_at": NOON - timedelta(days=31)}, {"kind": "output"}):
        ExhaustedWindow.objects.create(**{**stored, **other})  # They do not count for this one.
    text = text_of(alice, window(busy), **{"HX-Request": "true"})
    assert f"{ran_out} Scale Tier Account plan Allowance Exhausted" in text
    assert "Batch Default pool 1 10,000 10,000 Default project" in text
    assert "3 5,000 51,000 50,000 came late" in text
    assert f"{unit} In the last 30 days 1 of 1 exhausted window covered whole" in text
    assert "11,000 tokens more in these 30 days. This window alone needed 1 more unit." in text

    UsageMinute.objects.all().delete()
    assert ran_out in (text := text_of(alice, window(busy)))
    assert "The minutes of this window are not kept any more, only their sums." in text
    ExhaustedWindow.objects.update(minutes=None)
    text = text_of(alice, window(busy))
    assert "The allowance of 15,000 tokens was not enough. It was 11,000 short" in text
    assert "in which minute the allowance ran out was not stored" in text


def test_a_window_that_was_not_exhausted_says_so(busy: ApiCast) -> None:
    alice = signed_in(busy.acme.alice)
    assert "15,000 tokens is enough for all that asked" in text_of(
        alice, window(busy, "2026-01-10T12:15Z")
    )
    text = text_of(alice, window(busy, kind="output"))
    assert "No output units were active in this pool, so all went to the account plan." in text
    assert "One more unit" not in text


def test_only_owners_see_a_window_and_only_one_that_is_there(busy: ApiCast) -> None:
    for actor, status in ((busy.acme.bob, 403), (busy.acme.mallory, 403), (busy.acme.charlie, 404)):
        assert signed_in(actor).get(window(busy)).status_code == status
    alice = signed_in(busy.acme.alice)
    for start, kind in (
        ("2026-01-10T12:01Z", "input"),
        ("2026-01-10T12:30Z", "input"),  # It has not begun.
        ("2026-01-10", "input"),
        ("2026-01-10T12:00Z", "cached"),
    ):
        assert alice.get(window(busy, start, kind)).status_code == 404
    here = busy.acme.organization.public_id
    others = reverse("usage_window", args=[here, "pt_0", "2026-01-10T12:00Z", "input"])
    assert alice.get(others).status_code == 404


def test_the_usage_page_says_how_often_and_how_long_capacity_was_exhausted(busy: ApiCast) -> None:
    alice, here = signed_in(busy.acme.alice), busy.acme.organization.public_id
    page, download, exhausted = (
        reverse(name, args=[here]) for name in ("usage", "usage_csv", "exhausted_csv")
    )
    search = create_project(
        organization=busy.acme.organization, name="Search", by=busy.acme.alice, now=NOON
    )
    send(busy, "12:20", event(3, 5_000, project=search.public_id, disable=True))
    row = f"{GROK} Input units 15,000 11,000 73% 12:09 6 min"
    for time, exhausted_then in (("12:20", "1 window for 6 min"), ("12:40", "Never")):
        busy.set_clock("2026-01-10", time)
        assert f"Exhausted {exhausted_then}" in text_of(alice, f"{page}?window=15m")
    for time, is_open in (("12:20", True), ("13:15", False)):
        busy.set_clock("2026-01-10", time)
        for view in ("30d", "1d"):
            text = text_of(alice, f"{page}?window={view}")
            assert "Exhausted 1 window for 6 min" in text
            assert row in text
            assert (f"{row}, still open" in text) is is_open
            shown = b"".join(alice.get(f"{download}?window={view}")).decode()
            rows = [
                (row["exhausted_windows"], row["exhausted_minutes"])
                for row in csv.DictReader(StringIO(shown))
            ]
            assert sorted(rows)[-2:] == [("0", "0"), ("1", "6")]
            assert re.fullmatch(
                rf"start_utc,.*\r\n2026-01-10T12:00:00Z,2026-01-10T12:15:00Z,{GROK},input,pt_\w+,"
                rf"15000,26000,11000,2026-01-10T12:09:00Z,6,{str(is_open).lower()}\r\n",
                b"".join(alice.get(f"{exhausted}?window={view}")).decode(),
            )
        link = f'href="{window(busy)}"'
        assert alice.get(page).content.decode().count(link) == 2  # In the table, and in the list.
        for query in ("kind=output", f"model={GPT}", f"project={search.public_id}"):
            assert link not in alice.get(f"{page}?{query}").content.decode()
        for query in ("exhausted-on=2026-01-09", "exhausted-q=gpt&exhausted-sort=over"):
            assert alice.get(f"{page}?{query}").content.decode().count(link) == 1
            assert b"".join(alice.get(f"{exhausted}?{query}")).count(b"\n") == 1  # The header.
        assert alice.get(f"{exhausted}?exhausted-on=x").status_code == 400
    address = f"{exhausted}?window=1d&amp;exhausted-q=grok"
    assert f'"{address}" download' in alice.get(f"{page}?window=1d&exhausted-q=grok").text


def test_the_migration_finds_the_windows_that_closed_before_it(busy: ApiCast) -> None:
    send(busy, "13:20", event(3, 50_000))
    [stored] = ExhaustedWindow.objects.values()
    ExhaustedWindow.objects.all().delete()
    migration = import_module("capacity.usage.migrations.0003_exhausted_windows")
    with connection.cursor() as cursor:
        cursor.execute(migration.FILL)
    [found] = ExhaustedWindow.objects.values()
    assert found == {**stored, "minutes": None}


@pytest.mark.usefixtures("same_minute")
def test_pages_of_usage_take_no_more_statements_for_many_windows_and_projects(
    busy: ApiCast, django_assert_max_num_queries: Any
) -> None:
    alice, here = signed_in(busy.acme.alice), busy.acme.organization.public_id
    alice.get(reverse("members", args=[here]))  # The use of the session is stored.

    def statements(address: str) -> int:
        with django_assert_max_num_queries(12) as counted:
            assert alice.get(address).status_code == 200
        return len(counted)

    pages = [
        *(f"{reverse('usage', args=[here])}?window={view}" for view in ("30d", "1d", "15m")),
        window(busy),
        window(busy, "2026-01-10T11:45Z"),
    ]
    counts = []
    for number in range(3):
        projects = [
            create_project(
                organization=busy.acme.organization,
                name=f"{number} {other}",
                by=busy.acme.alice,
                now=NOON,
            ).public_id
            for other in range(2)
        ]
        more = [
            event(minute, 40_000 + number, project=project)
            for minute in (*range(-60, 15, 15), 10)
            for project in projects
        ]
        send(busy, f"12:2{number}", *more)
        counts.append([statements(page) for page in pages])
    assert counts[1:] == counts[:1] * 2
    busy.set_clock("2026-01-10", "13:30")
    alice.get(pages[0])  # What is due is closed.
    assert [statements(page) for page in pages]
    UsageMinute.objects.all().delete()
    assert statements(window(busy)) <= 12
