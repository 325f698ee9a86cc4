"""The cache answers as an empty one while Valkey is away, and as Django's does otherwise."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache.backends.base import BaseCache

from scaletier.cache import ForgivingRedisCache
from scaletier.devserver.embedded import valkey
from tests.site import temporary_home

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


def use_everything(cache: BaseCache) -> list[object]:
    """Call every method on keys that are not there. Returns what they return."""
    cache.set("set", 1)
    cache.set_many({"many": 1})
    cache.delete_many(["set", "many"])
    return [
        cache.get("absent"),
        cache.get("absent", "default"),
        cache.get_many(["absent"]),
        cache.has_key("absent"),
        cache.touch("absent"),
        cache.delete("absent"),
        cache.add("absent", 1),
    ]


def test_without_valkey_every_method_answers_as_for_keys_that_are_not_there() -> None:
    away = ForgivingRedisCache(NOBODY_LISTENS, {})
    present = ForgivingRedisCache(settings.VALKEY_URL, {"KEY_PREFIX": "test_cache"})
    assert use_everything(away) == use_everything(present)
    for cache in (away, present):
        with pytest.raises(ValueError, match="not found"):
            cache.incr("another")


def test_a_connection_of_before_a_restart_is_no_reason_for_a_miss(folder: Path) -> None:
    with valkey(folder, durable=False) as url:
        cache = ForgivingRedisCache(url, {})
        cache.set("key", "value")
        pool: Any = cache._cache.get_client(write=True).connection_pool
        for connection in pool._available_connections:
            connection._sock.shutdown(2)
        assert cache.get("key") == "value"
