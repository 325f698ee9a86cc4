"""Requests to the gateway, from their admission on until a day later, with what decided (R15)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from accounts.models import Organization
from capacity.gateway.decisions import Decision, read_member
from capacity.gateway.requests import Tokens
from capacity.gateway.valkey import Shard, SyncValkey, connect_blocking
from capacity.models import GatewayRequest
from capacity.models.gateway_requests import NOT_FROM_CAPACITY
from capacity.usage.domain.coverage import COMBINED, SCALE
from common.errors import NotFound

KEPT = timedelta(hours=24)
LATEST = 20
"""How many requests are listed."""
CHUNK, CHUNKS = 1_000, 20
"""How many entries of a stream are searched for a request, from the newest on."""


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """An entry of the stream: a request that was settled, or whose reservation lapsed."""

    decision: Decision
    actual: Tokens | None
    """What it used; None if nothing reached the model, or if its gateway was killed."""

    @classmethod
    def read(cls, entry: dict[bytes, bytes]) -> "FinishedRequest":
        """Return a request as the scripts wrote it. Raises ValueError or KeyError."""
        used = [int(number) for number in entry.get(b"u", b"").split()]
        actual = Tokens(*used) if used else None
        return cls(read_member(entry[b"r"]), actual)


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
    stored = GatewayRequest.objects.filter(
        organization=organization, request_id=request_id, admitted_at__gt=real_now - KEPT
    ).first()
    found = stored or _unmetered(organization, request_id)
    if found is None:
        raise NotFound("There is no such request of the last 24 hours.")
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


def row_of(finished: FinishedRequest) -> GatewayRequest:
    """Return the row of a request, not saved."""
    decision, context = finished.decision, finished.decision.context
    actual = finished.actual
    return GatewayRequest(
        organization_id=context.organization,
        request_id=decision.id,
        admitted_at=decision.admitted_at,
        at=decision.at,
        model=context.model,
        project=context.project,
        key=context.key,
        pool=decision.pool or "",
        served=decision.served,
        reason=decision.reason or "",
        refusal=decision.refusal or "",
        estimate=_by_kind(decision, decision.estimate),
        actual=actual and _by_kind(decision, actual),
        windows=[asdict(window) for window in decision.windows],
    )


def _by_kind(decision: Decision, tokens: Tokens) -> dict[str, int]:
    """Return tokens by kind; with combined units their weighted tokens too, rounded up."""
    by_kind = {"input": tokens.input, "output": tokens.output}
    if any(COMBINED in each.kinds for each in decision.context.candidates):
        by_kind[COMBINED] = -(-tokens.weigh(decision.context.weights).combined // SCALE)
    return by_kind


def _unmetered(organization: Organization, request_id: str) -> GatewayRequest | None:
    """Return a request that is not in the database yet."""
    try:
        for finished in _candidates(Shard.of(organization.pk), request_id.encode()):
            decision = finished.decision
            if decision.id == request_id and decision.context.organization == organization.pk:
                return row_of(finished)
    except RedisError:
        return None
    return None


def _candidates(shard: Shard, request_id: bytes) -> Iterator[FinishedRequest]:
    """Yield the requests of a shard, finished ones before open ones, whose text has the id."""
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    start = request_id + b"\n"
    last = "+"
    for _ in range(CHUNKS):
        entries = valkey.xrevrange(shard.stream, last, "-", count=CHUNK)
        for _key, entry in entries:
            if entry[b"r"].startswith(start):
                yield FinishedRequest.read(entry)
        if len(entries) < CHUNK:
            break
        last = b"(" + entries[-1][0]
    for member in valkey.zrange(shard.open, 0, -1):
        if member.startswith(start):
            yield FinishedRequest(read_member(member), None)
