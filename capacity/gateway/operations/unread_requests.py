"""Entries of the gateway's streams that metering cannot take are set aside, for operators (R15).

Each stream has a second one beside it. An entry moves between the two in one script, so that a kill
loses nothing and doubles nothing. In the second one two fields go before those of the entry: its
former id, and why it was set aside.
"""

from typing import Any

from capacity.gateway.queries.unread_requests import UnreadRequest
from capacity.gateway.valkey import ALL_SHARDS, Shard

MOST = 10_000
"""Entries of a stream that can be set aside. What cannot be stays where it is, and is not lost."""
LONGEST_REASON = 500

# KEYS: the stream, the one beside it. ARGV: 1 id of the entry, 2 why, 3 most that are set aside.
SET_ASIDE = """
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3]) then
    return 0
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])) do
    redis.call('XADD', KEYS[2], '*', 'entry', ARGV[1], 'why', ARGV[2], unpack(entry[2]))
    redis.call('XDEL', KEYS[1], ARGV[1])
end
return 1
"""

# KEYS: the same. ARGV: id of the entry in the second stream. Returns how many there were.
PUT_BACK = """
local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
for _, entry in ipairs(found) do
    redis.call('XADD', KEYS[1], '*', unpack(entry[2], 5))
    redis.call('XDEL', KEYS[2], ARGV[1])
end
return #found
"""


def set_aside(valkey: Any, shard: Shard, entry: bytes, why: str) -> bool:
    """Move an entry out of what is to be metered. Says no if too many are set aside already."""
    return bool(
        valkey.eval(SET_ASIDE, 2, shard.stream, shard.unread, entry, why[:LONGEST_REASON], MOST)
    )


def retry_unread(valkey: Any, request: UnreadRequest) -> bool:
    """Put an entry back into what is to be metered. Says no if it is not set aside any more.

    It counts once, however often it is metered.
    """
    shard = ALL_SHARDS[request.shard]
    return bool(valkey.eval(PUT_BACK, 2, shard.stream, shard.unread, request.entry))


def delete_unread(valkey: Any, request: UnreadRequest) -> bool:
    """Forget an entry for good: it is never counted. Says no if it is not set aside any more."""
    return bool(valkey.xdel(ALL_SHARDS[request.shard].unread, request.entry))
