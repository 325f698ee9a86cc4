"""Valkey, as the gateway uses it: where its keys are, and how it is reached.

Organizations share `SHARDS` hash tags, so that all keys of one request are in one slot of a Valkey
Cluster, and a few streams hold everything that is to be metered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

SHARDS = 16
CLUSTER_SCHEME = "+cluster"
"""A URL like `redis+cluster://host:port` is that of any node of a cluster."""

TIMEOUT_SECONDS = 0.5
"""Longer than a slow disk may delay an answer; after it Valkey counts as away."""

AsyncValkey = redis.asyncio.Redis | redis.asyncio.RedisCluster
SyncValkey = redis.Redis | redis.RedisCluster


@dataclass(frozen=True, slots=True)
class Shard:
    """The keys of the organizations that share a hash tag."""

    number: int

    @classmethod
    def of(cls, organization: int) -> "Shard":
        """Return the shard of an organization, by its primary key."""
        return ALL_SHARDS[organization % SHARDS]

    @property
    def prefix(self) -> str:
        return f"gateway:{{{self.number}}}:"

    @property
    def open(self) -> str:
        """The key of the open reservations: a sorted set by the instant at which they lapse."""
        return f"{self.prefix}open"

    @property
    def stream(self) -> str:
        """The key of the stream of requests that are still to be metered."""
        return f"{self.prefix}requests"

    @property
    def unread(self) -> str:
        """The key of the stream of entries that could not be metered, and were set aside."""
        return f"{self.prefix}unread"


ALL_SHARDS = tuple(Shard(number) for number in range(SHARDS))


def is_cluster(url: str) -> bool:
    """Return whether the URL is that of a cluster."""
    return urlsplit(url).scheme.endswith(CLUSTER_SCHEME)


def connect(url: str) -> AsyncValkey:
    """Return a client for an event loop. It connects when it is first used."""
    client: AsyncValkey = _client(
        url, redis.asyncio.Redis.from_url, redis.asyncio.RedisCluster.from_url
    )
    return client


def connect_blocking(url: str) -> SyncValkey:
    """Return a client for Django. That of a cluster connects at once."""
    client: SyncValkey = _client(url, redis.Redis.from_url, redis.RedisCluster.from_url)
    return client


def _client(url: str, single: Callable[..., Any], cluster: Callable[..., Any]) -> Any:
    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
    }
    if is_cluster(url):
        parts = urlsplit(url)
        plain = parts._replace(scheme=parts.scheme.removesuffix(CLUSTER_SCHEME), path="")
        return cluster(urlunsplit(plain), **options)
    # Once more at once: a connection from before a restart of Valkey is opened again.
    return single(url, retry=Retry(NoBackoff(), 1), **options)
