"""Finished requests as the scripts write them to the streams, without a gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings

from capacity.gateway.decisions import read_line, write_member
from capacity.gateway.queries.requests import gateway_valkey
from capacity.gateway.requests import AdmissionRequest, Context, Tokens, milliseconds
from capacity.gateway.valkey import Shard
from tests.capacity.gateway.served import USED
from tests.cast import at

Entry = Mapping[str, bytes]


def context_of(request: AdmissionRequest, clock: datetime | None = None) -> Context:
    """The context of a request that is admitted at noon, or at another time of the sandbox."""
    context = Context.of(request, at("2026-01-10").date())
    return replace(context, clock=milliseconds(clock)) if clock else context


def entry(context: Context, id_: str, admitted_at: datetime, used: Tokens = USED) -> Entry:
    """What is in the stream of a request that the first pool served."""
    line = b"%d 1 0 0" % milliseconds(admitted_at)
    return {
        "r": write_member(read_line(id_, context, Tokens(120, 1_024), line)),
        "u": f"{used.input} {used.output} {used.cached}".encode(),
    }


def append(organization: int, entries: Sequence[Entry]) -> None:
    """Append entries to the stream of an organization, by its primary key."""
    valkey: Any = gateway_valkey(settings.GATEWAY_VALKEY_URL)
    pipeline = valkey.pipeline(transaction=False)
    for each in entries:
        pipeline.xadd(Shard.of(organization).stream, dict(each))
    pipeline.execute()


def fill(requests: Sequence[AdmissionRequest], number: int, admitted_at: datetime) -> int:
    """Append so many finished requests of each of these. Returns the tokens that each one used."""
    tokens = 0
    for request in requests:
        context, tokens = context_of(request), 0
        for start in range(0, number, 1_000):
            entries = []
            for n in range(start, min(number, start + 1_000)):
                used = Tokens(100 + n % 100, 20, 10)
                tokens += used.input + used.output
                entries.append(entry(context, f"backlog-{n}", admitted_at, used))
            append(context.organization, entries)
    return tokens
