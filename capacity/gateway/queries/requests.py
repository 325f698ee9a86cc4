"""Requests to the gateway, from their admission on until a day later, with what decided (R15)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from accounts.models import Organization
from capacity.gateway.decisions import Decision, read_member
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import Shard, SyncValkey, connect_blocking
from capacity.models import GatewayRequest, GatewayRequestStatus
from capacity.models.gateway_requests import NOT_FROM_CAPACITY
from capacity.usage.domain.coverage import COMBINED, SCALE
from common.errors import NotFound

KEPT = timedelta(hours=24)
LATEST = 20
"""How many requests are listed."""
CHUNK, CHUNKS = 1_000, 20
"""How many entries of a stream are searched for a request, from the newest on."""
SPECIAL = re.compile(rb"[*?\[\]\\^-]")
"""Characters that mean something in a pattern of Valkey."""


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request as Valkey knows it: open, or in a stream of what is to be metered."""

    decision: Decision
    status: GatewayRequestStatus
    actual: Tokens | None = None
    """What it used; None if nothing reached the model, or if that is not known."""

    @classmethod
    def read(cls, entry: Mapping[bytes, bytes]) -> "KnownRequest":
        """Return a request as the scripts wrote it to the stream. What is wrong with it raises."""
        used = [int(number) for number in entry.get(b"u", b"").split()]
        # Only a settled request has the field, if an empty one.
        status = GatewayRequestStatus.FINISHED if b"u" in entry else GatewayRequestStatus.LAPSED
        return cls(read_member(entry[b"r"]), status, Tokens(*used) if used else None)


@lru_cache
def gateway_valkey(url: str) -> SyncValkey:
    """Return the client of this process for the gateway's Valkey."""
    return connect_blocking(url)


def find_request(
    organization: Organization, request_id: str, *, real_now: datetime
) -> GatewayRequest:
    """Return a request of the last 24 hours by its `x-request-id`. Raises NotFound.

    One that is being served, or is not metered yet, is read from where the gateway keeps it.
    """
    of_id = GatewayRequest.objects.filter(
        organization=organization, request_id=request_id, admitted_at__gt=real_now - KEPT
    )
    # The database again: the request may have been metered while it was looked for in Valkey.
    found = of_id.first() or _unmetered(organization, request_id, real_now - KEPT) or of_id.first()
    if found is None:
        raise NotFound("There is no such request of the last 24 hours, or it is not metered yet.")
    return found


def latest_requests(
    organization: Organization, *, only_spilled: bool, real_now: datetime
) -> list[GatewayRequest]:
    """Return the newest metered requests of the last 24 hours; or those not from capacity."""
    rows = GatewayRequest.objects.filter(
        organization=organization, admitted_at__gt=real_now - KEPT
    ).order_by("-admitted_at")
    if only_spilled:
        rows = rows.filter(NOT_FROM_CAPACITY)
    return list(rows[:LATEST])


def row_of(known: KnownRequest) -> GatewayRequest:
    """Return the row of a request, not saved."""
    return GatewayRequest(**values_of(known))


def values_of(known: KnownRequest) -> dict[str, Any]:
    """Return the values of a request's row, by column. What is wrong with it raises."""
    decision, context = known.decision, known.decision.context
    actual = known.actual
    return {
        "organization_id": context.organization,
        "request_id": decision.id,
        "admitted_at": decision.admitted_at,
        "at": decision.at,
        "model": context.model,
        "project": context.project,
        "key": context.key,
        "pool": decision.pool or "",
        "status": known.status,
        "served": decision.served,
        "reason": decision.reason or "",
        "refusal": decision.refusal or "",
        "estimate": _by_kind(decision, decision.estimate),
        "actual": actual and _by_kind(decision, actual),
        "windows": [
            {"pool": each.pool, "kind": each.kind, "limit": each.limit, "used": each.used}
            for each in decision.windows
        ],
    }


def _by_kind(decision: Decision, tokens: Tokens) -> dict[str, int]:
    """Return tokens by kind; with combined units their weighted tokens too, rounded up."""
    by_kind = {"input": tokens.input, "output": tokens.output}
    if any(COMBINED in each.kinds for each in decision.context.candidates):
        by_kind[COMBINED] = -(-tokens.weigh(decision.context.weights).combined // SCALE)
    return by_kind


def _unmetered(
    organization: Organization, request_id: str, since: datetime
) -> GatewayRequest | None:
    """Return a request that is not in the database yet."""
    try:
        for known in _candidates(Shard.of(organization.pk), request_id.encode()):
            decision = known.decision
            is_it = decision.id == request_id and decision.context.organization == organization.pk
            if is_it and decision.admitted_at > since:
                return row_of(known)
    except (RedisError, ValueError, LookupError, TypeError):  # Valkey is away; or it is unreadable.
        return None
    return None


def _candidates(shard: Shard, request_id: bytes) -> Iterator[KnownRequest]:
    """Yield the requests of a shard whose text has the id.

    Open ones come first: one that ends meanwhile is in the stream then.
    """
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    start = request_id + b"\n"
    pattern = SPECIAL.sub(rb"\\\g<0>", start) + b"*"
    for member, _lapses_at in valkey.zscan_iter(shard.open, match=pattern, count=CHUNK):
        yield KnownRequest(read_member(member), GatewayRequestStatus.OPEN)
    last = "+"
    for _ in range(CHUNKS):
        entries = valkey.xrevrange(shard.stream, last, "-", count=CHUNK)
        for _key, entry in entries:
            if entry.get(b"r", b"").startswith(start):
                yield KnownRequest.read(entry)
        if len(entries) < CHUNK:
            break
        last = b"(" + entries[-1][0]
