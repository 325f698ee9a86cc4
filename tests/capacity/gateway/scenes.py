"""What is played with an Admission, and what is seen of it afterwards."""

from collections.abc import Awaitable, Callable

from capacity.gateway.admission import Admission
from capacity.gateway.decisions import Decision
from capacity.gateway.valkey import ALL_SHARDS, connect_blocking

Scene = Callable[[Admission], Awaitable[None]]
Stage = Callable[[Scene], None]


def open_reservations(url: str) -> int:
    with connect_blocking(url) as valkey:
        return sum(valkey.zcard(shard.open) for shard in ALL_SHARDS)


def used(decision: Decision) -> list[int]:
    return [window.used for window in decision.windows]
