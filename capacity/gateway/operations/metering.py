"""Metering: what the gateway served, from its streams into usage, each request once (R14, R15).

A stream is read from its start, written to the database, and only then shortened. A worker that is
killed in between leaves the entries to the next one, for which their ids are known already.

An entry that cannot be counted is set aside, so that it blocks no other: see `unread_requests`.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import DataError, Error, IntegrityError, connection, transaction
from redis.exceptions import RedisError

from accounts.models import Organization
from accounts.operations.api_keys import update_last_uses
from capacity.gateway.operations.unread_requests import set_aside
from capacity.gateway.queries.requests import KnownRequest, gateway_valkey, values_of
from capacity.gateway.valkey import ALL_SHARDS, Shard
from capacity.models import GatewayRequest
from capacity.usage.operations.events import UsageEvent, record_usage

logger = logging.getLogger(__name__)

READ_AT_ONCE, BATCH = 1_000, 5_000
"""Entries that Valkey, which serves nobody meanwhile, returns at once; and those that are counted
together: most of the work is that of a transaction for each organization."""

LOCK_CLASS = 8_001
"""Of the advisory locks, one for each shard."""


RawEntry = tuple[bytes, Mapping[bytes, bytes]]
"""An entry of a stream, by its id."""


class Finished(NamedTuple):
    """An entry of a stream that was read: what it means for the database."""

    entry: bytes
    """Its id in the stream."""
    row: Mapping[str, Any]
    event: UsageEvent | None
    """None if nothing reached the model, or if its gateway was killed."""


Entries = Sequence[Finished]


Refused = Mapping[bytes, str]
"""Why entries were not taken, by their ids in the stream."""


def meter_requests(*, real_now: datetime) -> int:
    """Count every request that the gateway has finished. Returns the number of entries.

    Several workers can do it at once: each takes the streams that no other has taken. Raises
    `django.db.Error` if the database is away.
    """
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    metered = 0
    for shard in ALL_SHARDS:
        try:
            if valkey.xlen(shard.stream):
                metered += _meter_shard(valkey, shard, real_now)
        except RedisError as error:  # The nodes of a cluster are independent.
            logger.warning("stream %d cannot be read: %s", shard.number, type(error).__name__)
        except Exception:
            if not connection.is_usable():
                raise
            logger.exception("stream %d was not metered", shard.number)
    return metered


def keep_partitions() -> int:
    """Make the partitions of today and tomorrow, and drop those before yesterday.

    The database's owner wrote the function; the product may only call it. Returns the number made
    or dropped. Raises `django.db.OperationalError` if the table cannot be locked in a few seconds.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT capacity_keep_gateway_requests()")
        return int(cursor.fetchone()[0])


def _meter_shard(valkey: Any, shard: Shard, real_now: datetime) -> int:
    """Count what is in the stream now: what comes meanwhile must not keep others waiting."""
    with _locked(shard) as is_ours:
        newest = valkey.xrevrange(shard.stream, count=1)
        if not is_ours or not newest:
            return 0
        metering = _Metering(valkey, shard, real_now)
        for batch in _batches(valkey, shard, until=newest[0][0]):
            metering.meter(batch)
        if metering.left:
            text = (
                "%d entries of stream %d cannot be metered and stay in it: too many are set aside"
            )
            logger.error(text, metering.left, shard.number)
        return metering.metered


def _batches(valkey: Any, shard: Shard, until: bytes) -> Iterator[list[RawEntry]]:
    batch: list[RawEntry] = []
    start: bytes | str = "-"
    while raw := valkey.xrange(shard.stream, start, until, count=READ_AT_ONCE):
        batch += raw
        start = b"(" + raw[-1][0]
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _locked(shard: Shard) -> Iterator[bool]:
    """Hold the lock of a shard for the block. Says whether it is free; a killed worker frees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, shard.number])
        (is_ours,) = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, shard.number])


class _Metering:
    """Counts entries of one stream."""

    def __init__(self, valkey: Any, shard: Shard, real_now: datetime) -> None:
        self.valkey, self.shard, self.real_now = valkey, shard, real_now
        self.metered = 0
        """Entries that were counted and taken out of the stream."""
        self.left = 0
        """Entries that cannot be counted, nor set aside, as too many are already."""

    def meter(self, raw: Sequence[RawEntry]) -> None:
        """Count a batch, organization by organization; what cannot be counted delays no other.

        Takes out of the stream what was counted, and what was set aside.
        """
        done: list[bytes] = []
        stored = list(self._each(list(self._read(raw)), _store))
        try:
            for entry in self._counted(stored):
                done.append(entry.entry)  # noqa: PERF401 - what is done counts if it raises
        finally:
            if done:
                self.valkey.xdel(self.shard.stream, *done)
            self.metered += len(done)
        if uses := _last_uses(stored):
            update_last_uses(uses)

    def _read(self, raw: Iterable[RawEntry]) -> Iterator[Finished]:
        for entry, fields in raw:
            try:
                yield _finished(entry, fields)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it
                self._set_aside(entry, type(error).__name__, str(error))

    def _counted(self, entries: Entries) -> Iterator[Finished]:
        """Count entries that are stored. Yields those that were counted."""
        by_organization: defaultdict[int, list[Finished]] = defaultdict(list)
        for entry in entries:
            by_organization[entry.row["organization_id"]].append(entry)
        organizations = Organization.objects.in_bulk(by_organization)
        for key, of_organization in sorted(by_organization.items()):
            if key not in organizations:
                for entry in of_organization:
                    self._set_aside(entry.entry, "organization", "There is no such organization.")
                continue
            count = partial(_count, organizations[key], self.real_now)
            try:
                yield from self._each(of_organization, count)
            except Exception:
                if not connection.is_usable():
                    raise
                logger.exception("requests of organization %d were not metered", key)

    def _each(self, entries: Entries, work: Callable[[Entries], Refused]) -> Iterator[Finished]:
        """Do the work for all entries but those with which it fails. Yields those that it did.

        It is done for all together; if that fails, for each half, until the cause stands alone.
        """
        try:
            with connection.wrap_database_errors:
                refused = work(entries)
        except Exception as error:
            if not _is_of_entries(error):
                raise
            work([])  # If this fails too, it is not the fault of any entry.
            if len(entries) == 1:
                self._set_aside(entries[0].entry, type(error).__name__, str(error))
                return
            middle = len(entries) // 2
            yield from self._each(entries[:middle], work)
            yield from self._each(entries[middle:], work)
        else:
            for entry in entries:
                if entry.entry in refused:
                    self._set_aside(entry.entry, "not counted", refused[entry.entry])
                else:
                    yield entry

    def _set_aside(self, entry: bytes, kind: str, why: str) -> None:
        if set_aside(self.valkey, self.shard, entry, f"{kind}: {why}"):
            # What it contains is not for the log.
            text = "entry %s of stream %d cannot be metered and is set aside: %s"
            logger.error(text, entry.decode(), self.shard.number, kind)
        else:
            self.left += 1


def _is_of_entries(error: Exception) -> bool:
    """Return whether an error may be due to what the entries are, and not to who is away or busy.

    It is a DataError, for example, if a number is too large for its column.
    """
    if isinstance(error, Error):
        return isinstance(error, DataError | IntegrityError)
    return not isinstance(error, RedisError)


def _finished(entry: bytes, fields: Mapping[bytes, bytes]) -> Finished:
    """Return what an entry means. What is wrong with it raises."""
    request = KnownRequest.read(fields)
    row, actual = values_of(request), request.actual
    if actual is None:
        return Finished(entry, row, None)
    event = UsageEvent(
        id=row["request_id"],
        at=row["at"],
        model=row["model"],
        input_tokens=actual.input,
        output_tokens=actual.output,
        cached_tokens=min(actual.cached, actual.input),
        project=row["project"],
        pool=row["pool"] or None,
        disable=request.decision.context.disabled,
    )
    return Finished(entry, row, event)


def _store(entries: Entries) -> Refused:
    """Keep what was decided. A request that lapsed and was settled later has its later figures."""
    fields = GatewayRequest._meta.local_fields
    types = {each.column: each.db_type(connection) for each in fields if each.column}
    columns = ", ".join(types)
    rows = {}
    for entry in entries:
        key = entry.row["organization_id"], entry.row["request_id"], entry.row["admitted_at"]
        if key not in rows or entry.row["status"] == "finished":
            rows[key] = entry.row
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO capacity_gatewayrequest AS known ({columns})"  # noqa: S608 - our own names
            f" SELECT {columns} FROM json_to_recordset(%s::json)"
            f" AS due ({', '.join(f'{name} {of_type}' for name, of_type in types.items())})"
            " ON CONFLICT (organization_id, request_id, admitted_at) DO UPDATE"
            " SET status = excluded.status, actual = excluded.actual"
            " WHERE excluded.status = 'finished'",
            [orjson.dumps(list(rows.values())).decode()],
        )
    return {}


def _count(organization: Organization, real_now: datetime, entries: Entries) -> Refused:
    """Count requests of one organization. Returns why usage does not take some of them."""
    used = [(entry.entry, entry.event) for entry in entries if entry.event]
    recorded = record_usage(
        organization=organization,
        events=[event for _, event in used],
        now=organization.now(),
        received_on=real_now.date(),
        of_any_time=True,
    )
    return {used[rejected.index][0]: rejected.detail for rejected in recorded.rejected}


def _last_uses(entries: Entries) -> dict[str, datetime]:
    """Return when keys were last used, by the organization's clock as wherever they are used."""
    uses: dict[str, datetime] = {}
    for entry in entries:
        key, at = entry.row["key"], entry.row["at"]
        uses[key] = max(at, uses.get(key, at))
    return uses
