"""What metering could not take, and set aside (R15)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from capacity.gateway.requests import MILLISECOND
from capacity.gateway.valkey import ALL_SHARDS, Shard
from capacity.usage.domain.windows import EPOCH

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class UnreadRequest:
    """An entry that was set aside. Nothing else of it can be relied upon."""

    shard: int
    entry: str
    """Its id in the stream of what was set aside."""
    former_entry: str
    """Its id in the stream of what is to be metered, which the log names."""
    why: str
    text: str
    """What begins the entry: the id of the request, unless it is malformed."""

    @property
    def id(self) -> str:
        """What operators call it."""
        return f"{self.shard}:{self.entry}"

    @property
    def since(self) -> datetime:
        """When it was set aside, by Valkey's clock."""
        return EPOCH + int(self.entry.partition("-")[0]) * MILLISECOND


def unread_requests(valkey: Any) -> Iterator[UnreadRequest]:
    """Yield what was set aside, of every shard the oldest first."""
    for shard in ALL_SHARDS:
        start: bytes | str = "-"
        while entries := valkey.xrange(shard.unread, start, "+", count=CHUNK):
            for key, fields in entries:
                yield _read(shard, key, fields)
            start = b"(" + entries[-1][0]


def _read(shard: Shard, key: bytes, fields: dict[bytes, bytes]) -> UnreadRequest:
    former, why = (fields.get(name, b"").decode(errors="replace") for name in (b"entry", b"why"))
    text = fields.get(b"r", b"").partition(b"\n")[0][:200].decode(errors="replace")
    return UnreadRequest(shard.number, key.decode(), former, why, text)
