"""Django's cache in Valkey, without which pages and sign-in go on working."""

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ValkeyConnectionError
from redis.exceptions import TimeoutError as ValkeyTimeoutError
from redis.retry import Retry

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.5
AWAY_SECONDS = 2.0
"""For how long a process does not ask a Valkey again that did not answer."""

WITHOUT_VALKEY: dict[str, Any] = {
    "add": True,
    "set": None,
    "touch": False,
    "delete": False,
    "get_many": {},
    "has_key": False,
    "set_many": None,
    "delete_many": None,
    "clear": False,
}
"""What the methods return without Valkey, as if everything had expired at once."""


class _ForgivingClient(RedisCacheClient):
    """Answers as an empty cache does while Valkey is away."""

    def __init__(self, servers: Any, **options: Any) -> None:
        super().__init__(
            servers,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),  # A connection of before a restart is opened again.
            **options,
        )
        self._away_until = 0.0

    def forgive(self, ask: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
        """Return what Valkey answers, or what there is without it."""
        if time.monotonic() < self._away_until:
            return otherwise()
        try:
            return ask()
        except (ValkeyConnectionError, ValkeyTimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            logger.warning("no cache: %s", error)
            return otherwise()

    def get(self, key: Any, default: Any) -> Any:
        ask = super().get
        return self.forgive(lambda: ask(key, default), lambda: default)

    def incr(self, key: Any, delta: int) -> int:
        def otherwise() -> int:
            raise ValueError(f"Key {key!r} not found.")  # As for every key that has expired.

        ask = super().incr
        value: int = self.forgive(lambda: ask(key, delta), otherwise)
        return value


def _forgiving(method: Callable[..., Any], value: Any) -> Callable[..., Any]:
    @wraps(method)
    def forgiving(self: _ForgivingClient, *args: Any, **kwargs: Any) -> Any:
        return self.forgive(lambda: method(self, *args, **kwargs), lambda: value)

    return forgiving


for _name, _value in WITHOUT_VALKEY.items():
    setattr(_ForgivingClient, _name, _forgiving(getattr(RedisCacheClient, _name), _value))


class ForgivingRedisCache(RedisCache):
    """The cache backend; the settings name it."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _ForgivingClient
