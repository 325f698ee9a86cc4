"""Limits on the number of requests, counted in Valkey for all processes together.

A window slides, so a client may use its whole limit at once and then goes on at its pace. Without
Valkey nothing is counted and every request is let through: a limit protects the service, it is no
rule of the product.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from math import ceil
from time import monotonic, time
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.exceptions import Throttled

from common.client_address import client_address

logger = logging.getLogger(__name__)

VALKEY_TIMEOUT = 0.25
"""Seconds after which a request is let through uncounted."""
PAUSE = 1.0
"""Seconds during which Valkey is not asked again after it did not answer."""
IPV6_SITE = 64
"""Bits of an IPv6 address that its provider assigns; its user chooses the others freely."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a limit: `remaining` requests, and more of them after `reset` seconds."""

    policy: str
    limit: RateLimitItem
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the headers of draft-ietf-httpapi-ratelimit-headers-10, for every response."""
        window = self.limit.get_expiry()
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit.amount};w={window}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset}',
        }


class _Valkey:
    """The counters. After a failure Valkey is left alone for a moment, so that no request waits."""

    def __init__(self, url: str) -> None:
        storage = RedisStorage(
            url,
            key_prefix="rate-limits",
            socket_connect_timeout=VALKEY_TIMEOUT,
            socket_timeout=VALKEY_TIMEOUT,
            # Once more at once: after a restart of Valkey the pooled connections are dead.
            retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type]  # handed on to redis
        )
        self.counters = SlidingWindowCounterRateLimiter(storage)
        self.asks_again_at = 0.0

    def ask(self, question: Callable[[], Answer], *, otherwise: Answer) -> Answer:
        """Return the answer to `question`, or `otherwise` if Valkey does not answer."""
        if monotonic() < self.asks_again_at:
            return otherwise
        try:
            return question()
        except RedisError as error:
            self.asks_again_at = monotonic() + PAUSE
            logger.warning("requests are not counted: %s", error)
            return otherwise


@lru_cache
def _valkey(url: str) -> _Valkey:
    return _Valkey(url)


def count_request(request: HttpRequest, policy: str, client: str) -> None:
    """Count a request of a client. Raises Throttled beyond the limit `policy`.

    What is left is kept with the request, for the headers of its response.
    """
    limit = _limit(policy)
    valkey = _valkey(settings.VALKEY_URL)
    is_within = valkey.ask(lambda: valkey.counters.hit(limit, policy, client), otherwise=True)
    quota = _quota(policy, client, is_within=is_within)
    _keep(request, quota)
    if not is_within:
        raise _too_many(quota)


def refuse_beyond(request: HttpRequest, policy: str, client: str) -> None:
    """Raises Throttled if the client has reached the limit `policy`. Counts nothing."""
    limit = _limit(policy)
    valkey = _valkey(settings.VALKEY_URL)
    if not valkey.ask(lambda: valkey.counters.test(limit, policy, client), otherwise=True):
        quota = _quota(policy, client, is_within=False)
        _keep(request, quota)
        raise _too_many(quota)


def rate_limit_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers that say what is left of the limit that the request counted for."""
    quota: Quota | None = getattr(request, "quota", None)
    return quota.headers() if quota else {}


def address_of(request: HttpRequest) -> str:
    """Return the address of the client as limits count it: an IPv6 address by its network."""
    text = client_address(request)
    if text is None:
        return "local"
    if ip_address(text).version == 6:
        return str(ip_network((text, IPV6_SITE), strict=False))
    return text


def _limit(policy: str) -> RateLimitItem:
    limits: dict[str, RateLimitItem] = settings.API_RATE_LIMITS
    return limits[policy]


def _quota(policy: str, client: str, *, is_within: bool) -> Quota | None:
    """Return what is left; None if Valkey does not answer."""
    limit = _limit(policy)
    valkey = _valkey(settings.VALKEY_URL)
    stats = valkey.ask(
        lambda: valkey.counters.get_window_stats(limit, policy, client), otherwise=None
    )
    if stats is None:
        return None
    remaining = stats.remaining if is_within else 0
    return Quota(policy, limit, remaining, max(1, ceil(stats.reset_time - time())))


def _keep(request: Any, quota: Quota | None) -> None:
    request.quota = quota


def _too_many(quota: Quota | None) -> Throttled:
    return Throttled(
        wait=quota.reset if quota else 1, detail="Too many requests, or too many wrong API keys."
    )
