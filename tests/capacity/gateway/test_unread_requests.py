"""What cannot be metered is set aside, told to operators, and delays nobody else (R15)."""

from dataclasses import replace
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Project
from capacity.gateway.loader import connection_parameters
from capacity.gateway.operations import unread_requests as operations
from capacity.gateway.operations.metering import meter_requests
from capacity.gateway.queries.requests import gateway_valkey
from capacity.gateway.queries.unread_requests import unread_requests
from capacity.gateway.requests import Context, Tokens, milliseconds
from capacity.gateway.valkey import SHARDS, Shard
from capacity.usage.models import OrganizationUsage, UsageMinute
from tests.capacity.gateway.backlog import Entry, append, context_of, entry
from tests.capacity.gateway.served import USED, Gateway, counted, make_gateway
from tests.cast import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("valkey_url", "catalogue")]

NOW = timezone.now()


@pytest.fixture
def gateway() -> Gateway:
    return make_gateway()


def valkey() -> Any:
    return gateway_valkey(settings.GATEWAY_VALKEY_URL)


def left(gateway: Gateway) -> int:
    length: int = valkey().xlen(Shard.of(gateway.acme.organization.pk).stream)
    return length


def command(*arguments: str) -> str:
    output = StringIO()
    call_command("gateway_unread", *arguments, stdout=output)
    return output.getvalue()


def bad_entries(gateway: Gateway) -> dict[str, Entry]:
    """One of each way in which an entry can be wrong, by what is said of it."""
    context = context_of(gateway.request())
    stranger = replace(context, organization=context.organization + SHARDS)
    foreign = replace(context.candidates[0], pool="pt_foreign")

    def good(n: int, of: Context = context, used: Tokens = USED) -> Entry:
        return entry(of, f"greq_{n}", NOW, used)

    def decided(n: int, line: bytes) -> Entry:
        """One on which the script wrote this line."""
        text = good(n)["r"].split(b"\n")
        return {**good(n), "r": b"\n".join([*text[:4], line, *text[5:]])}

    return {
        "KeyError: b'r'": {"something": b"else"},
        "ValueError: not enough values": {**good(1), "r": b"greq_1\nw:1:2\n3"},
        "ValueError: invalid literal": {**good(2), "u": b"1 two 3"},
        "JSONDecodeError": {**good(3), "r": good(3)["r"][:-9]},
        "IndexError": decided(4, b"%d 7 0 0" % milliseconds(NOW)),
        "OverflowError": decided(5, b"%d 1 0 0" % 10**18),
        "DataError: value too long": entry(context, "i" * 201, NOW),
        "DataError: bigint out of range": good(6, used=Tokens(10**19)),
        "organization: There is no such": good(7, stranger),
        "not counted: model": good(8, replace(context, model="grok-0")),
        "not counted: project": good(9, replace(context, project="proj_new")),
        "not counted: pool": good(10, replace(context, candidates=(foreign,))),
    }


def place(entry: str) -> tuple[int, ...]:
    """Return the place of an entry in its stream: the millisecond, and its number within it."""
    return tuple(map(int, entry.split("-")))


def test_what_cannot_be_metered_is_set_aside_alone_and_counts_once_its_cause_is_gone(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    acme, bad = gateway.acme, bad_entries(gateway)
    context = context_of(gateway.request())
    good = [entry(context, f"good-{n}", NOW) for n in range(2 * len(bad))]
    append(acme.organization.pk, [*good[::2], *bad.values(), *good[1::2]])
    assert meter_requests(real_now=NOW) == counted(acme)["requests"] == len(good)
    assert left(gateway) == 0

    unread = {each.former_entry: each for each in unread_requests(valkey())}
    for expected, former_entry in zip(bad, sorted(unread, key=place), strict=True):
        assert unread[former_entry].why.startswith(expected)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(bad)
    for line in said:
        assert line.split()[1] in unread
        assert not [content for content in ("greq", "proj_", "grok", "pt_") if content in line]
    for each, line in zip(unread.values(), command().splitlines(), strict=False):
        assert line.startswith(f"{each.id}  since ")
        assert line.endswith(
            f"request {each.text or 'unknown'}  entry {each.former_entry}  {each.why}"
        )

    Project.objects.filter(organization=acme.organization).update(public_id="proj_new")
    assert command("--retry") == f"Metered again: {len(bad)} requests\n"
    assert meter_requests(real_now=NOW) == 1
    assert counted(acme)["requests"] == len(good) + 1
    again = {each.text: each.id for each in unread_requests(valkey())}
    assert len(again) == len(bad) - 1
    assert "greq_9" not in again

    with pytest.raises(CommandError, match="Nothing is deleted: there is no 1:2-3"):
        command("--delete", "1:2-3", again["greq_1"])
    assert command("--delete", again["greq_1"], again["greq_2"]) == "Forgotten: 2 requests\n"
    assert command().endswith(f"Not metered: {len(bad) - 3} requests\n")


def test_what_is_more_than_can_be_set_aside_stays_in_the_stream(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST", 2)
    context = context_of(gateway.request())
    append(gateway.acme.organization.pk, [{"r": b""}] * 5 + [entry(context, "good", NOW)])
    assert [meter_requests(real_now=NOW) for _ in range(2)] == [1, 0]
    assert (left(gateway), len(list(unread_requests(valkey())))) == (3, 2)


def test_an_organization_that_cannot_be_counted_is_left_behind_and_nothing_is_set_aside(
    gateway: Gateway,
) -> None:
    """Its entries are as good as any: a window that is due cannot be closed."""
    broken, acme = gateway.acme.organization, make_gateway()
    append(broken.pk, [entry(context_of(gateway.request()), "first", NOW)])
    assert meter_requests(real_now=NOW) == 1
    UsageMinute.objects.filter(organization=broken).update(
        minute=at("2026-01-09"), snapshot_id=10**9
    )
    OrganizationUsage.objects.update(closed_until=at("2026-01-08"))
    for each in (gateway, acme):
        contexts = context_of(each.request())
        append(each.acme.organization.pk, [entry(contexts, f"{n}", NOW) for n in range(3)])
    assert meter_requests(real_now=NOW) == 3
    assert counted(acme.acme)["requests"] == 3
    assert (left(gateway), list(unread_requests(valkey()))) == (3, [])


def test_a_database_that_is_busy_sets_nothing_aside(gateway: Gateway) -> None:
    gateway.serves(gateway.request(), gateway.request())
    with psycopg.connect(**connection_parameters()) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE usage_usageminute IN SHARE MODE")
        cursor.execute("SET LOCAL lock_timeout = '50ms'")
        assert meter_requests(real_now=NOW) == 0
    assert (left(gateway), list(unread_requests(valkey()))) == (2, [])
    assert meter_requests(real_now=NOW) == 2
    assert counted(gateway.acme)["requests"] == 2
