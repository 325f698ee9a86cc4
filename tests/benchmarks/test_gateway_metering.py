"""Metering: what emptying the gateway's streams costs over a bare COPY of the same rows."""

import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from capacity.gateway.operations.metering import meter_requests
from tests.capacity.gateway.backlog import fill
from tests.capacity.gateway.served import make_gateway
from tests.cast import load_catalogue
from tests.valkey_servers import valkey_server

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS, ROUNDS = 10_000, 5
MOST_TIMES_A_COPY = 20.0


def test_metering_costs_no_more_than_some_bare_copies_of_what_it_stores(
    tmp_path: Path, settings: Any
) -> None:
    """The floor: the rows of the decisions, copied into such a table.

    Metering reads each request from Valkey, works out what it was decided on, and counts its usage.
    """
    load_catalogue()
    floors, metered = [], []
    with valkey_server(tmp_path) as server:
        settings.GATEWAY_VALKEY_URL = server.url
        for _ in range(ROUNDS):
            gateway = make_gateway()
            fill([gateway.request()], REQUESTS, timezone.now())
            metered.append(_seconds(_meter))
            floors.append(_copy(gateway.acme.organization))
    floor, median = statistics.median(floors), statistics.median(metered)
    print(
        f"\n{REQUESTS:,} requests: metered in {median * 1000:.0f} ms ({REQUESTS / median:,.0f}/s), "
        f"a bare COPY takes {floor * 1000:.0f} ms: {median / floor:.2f} times"
    )
    assert median <= floor * MOST_TIMES_A_COPY


def _meter() -> None:
    assert meter_requests(real_now=timezone.now()) == REQUESTS


def _copy(organization: Organization) -> float:
    """Copy the rows of an organization into a table of the same shape; return the seconds."""
    rows = f"SELECT * FROM capacity_gatewayrequest WHERE organization_id = {organization.pk}"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare (LIKE capacity_gatewayrequest INCLUDING ALL)")
        with cursor.copy(f"COPY ({rows}) TO STDOUT") as copy:
            text = b"".join(bytes(part) for part in copy)
        assert text.count(b"\n") == REQUESTS

        def copy_in() -> None:
            with cursor.copy("COPY bare FROM STDIN") as copy:
                copy.write(text)

        return _seconds(copy_in)


def _seconds(action: Callable[[], object]) -> float:
    started = perf_counter()
    action()
    return perf_counter() - started
