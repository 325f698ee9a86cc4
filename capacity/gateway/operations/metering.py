"""Metering: what the gateway served, from its streams into usage, each request once (R14, R15).

A stream is read from its start, written to the database, and only then shortened. A worker that is
killed in between leaves the entries to the next one, for which their ids are known already.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from accounts.models import Organization
from capacity.gateway.decisions import Decision
from capacity.gateway.queries.requests import FinishedRequest, gateway_valkey, row_of
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import ALL_SHARDS, Shard
from capacity.models import GatewayRequest
from capacity.usage.operations.events import OLDEST, UsageEvent, record_usage

logger = logging.getLogger(__name__)

BATCH = 1_000
LOCK_CLASS = 8_001
"""Of the advisory locks, one for each shard."""

Entries = list[tuple[bytes, FinishedRequest]]
"""Entries of a stream by their ids in it."""


def meter_requests(*, real_now: datetime) -> int:
    """Count every request that the gateway has finished. Returns the number of entries.

    Several workers can do it at once: each takes the streams that no other has taken.
    """
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    metered = 0
    for shard in ALL_SHARDS:
        try:
            if valkey.xlen(shard.stream):
                metered += _meter_shard(valkey, shard, real_now)
        except RedisError as error:  # The nodes of a cluster are independent.
            logger.warning("stream %d cannot be read: %s", shard.number, type(error).__name__)
    return metered


def keep_partitions() -> int:
    """Make the partitions of today and tomorrow, and drop those before yesterday.

    The database's owner wrote the function; the product may only call it. Returns the number made
    or dropped.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT capacity_keep_gateway_requests()")
        return int(cursor.fetchone()[0])


def _meter_shard(valkey: Any, shard: Shard, real_now: datetime) -> int:
    with _locked(shard) as is_ours:
        if not is_ours:
            return 0
        metered, start = 0, "-"
        while raw := valkey.xrange(shard.stream, start, "+", count=BATCH):
            done = _meter(_read(raw), real_now)
            if done:
                valkey.xdel(shard.stream, *done)
            metered += len(done)
            start = b"(" + raw[-1][0]
        return metered


@contextmanager
def _locked(shard: Shard) -> Iterator[bool]:
    """Hold the lock of a shard for the block. Says whether it is free; a killed worker frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, shard.number])
        (is_ours,) = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, shard.number])


def _read(
    raw: Sequence[tuple[bytes, dict[bytes, bytes]]],
) -> Iterator[tuple[bytes, FinishedRequest | None]]:
    for entry_id, entry in raw:
        try:
            yield entry_id, FinishedRequest.read(entry)
        except (ValueError, KeyError, TypeError):
            logger.exception("entry %s of a stream cannot be read", entry_id.decode())
            yield entry_id, None


def _meter(read: Iterator[tuple[bytes, FinishedRequest | None]], real_now: datetime) -> list[bytes]:
    """Count entries, one organization after the other. Returns the ids of those that are done.

    What cannot be counted is left in the stream, and delays no other organization.
    """
    done: list[bytes] = []
    by_organization: defaultdict[int, Entries] = defaultdict(list)
    for entry_id, finished in read:
        if finished is None:
            done.append(entry_id)
        else:
            by_organization[finished.decision.context.organization].append((entry_id, finished))
    organizations = Organization.objects.in_bulk(by_organization)
    for key, entries in sorted(by_organization.items()):
        try:
            _meter_organization(organizations[key], [each for _, each in entries], real_now)
        except Exception:
            logger.exception("requests of organization %d were not metered", key)
        else:
            done += [entry_id for entry_id, _ in entries]
    return done


def _meter_organization(
    organization: Organization, finished: Sequence[FinishedRequest], real_now: datetime
) -> None:
    _store(finished)
    events = [_event(each.decision, each.actual) for each in finished if each.actual]
    now = organization.now()
    # The clock of a sandbox may have been moved by a month since: a request counts all the same.
    of_long_ago = [event for event in events if event.at < now - OLDEST]
    _count(organization, [event for event in events if event.at >= now - OLDEST], now, real_now)
    if of_long_ago:
        _count(organization, of_long_ago, max(event.at for event in of_long_ago), real_now)


def _store(finished: Sequence[FinishedRequest]) -> None:
    """Keep what was decided. A request that lapsed and was settled later has its later figures."""
    rows = {row.request_id: row for row in map(row_of, finished)}
    GatewayRequest.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["organization", "request_id", "admitted_at"],
        update_fields=["actual"],
    )


def _event(decision: Decision, actual: Tokens) -> UsageEvent:
    return UsageEvent(
        id=decision.id,
        at=decision.at,
        model=decision.context.model,
        input_tokens=actual.input,
        output_tokens=actual.output,
        cached_tokens=min(actual.cached, actual.input),
        project=decision.context.project,
        pool=decision.pool,
        disable=decision.context.disabled,
    )


def _count(
    organization: Organization, events: Sequence[UsageEvent], now: datetime, real_now: datetime
) -> None:
    if not events:
        return
    recorded = record_usage(
        organization=organization, events=events, now=now, received_on=real_now.date()
    )
    for rejected in recorded.rejected:
        logger.error("%s is not counted: %s", events[rejected.index].id, rejected.detail)
