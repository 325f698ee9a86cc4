"""The engines of `make run`: each at the URL that the environment gives, or else embedded."""

import os
from contextlib import AbstractContextManager, ExitStack

import redis
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from scaletier.devserver import embedded
from scaletier.home import EngineUrls


def start_engines(until_stopped: ExitStack, supervision: embedded.Supervision) -> EngineUrls:
    """Start the embedded engines, to be stopped by `until_stopped`. Returns the URLs of both.

    If `DATABASE_URL` or `VALKEY_URL` is set, that engine is only checked, not started. Raises
    CommandError if an engine does not answer or does not start.
    """
    database_url, migration_database_url = _database(until_stopped, supervision)
    valkey_url = _valkey(until_stopped, supervision)
    return EngineUrls(database_url, valkey_url, migration_database_url)


def _database(until_stopped: ExitStack, supervision: embedded.Supervision) -> tuple[str, str]:
    """Return the URL for the product, and the one for migrations."""
    if url := os.environ.get("DATABASE_URL"):
        try:
            connection.ensure_connection()
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL does not answer: {_first_line(error)}") from None
        connection.close()
        return url, settings.MIGRATION_DATABASE_URL
    engine = embedded.postgresql(settings.HOME / "postgresql", supervision=supervision)
    owner_url = _start(engine, until_stopped)
    return embedded.runtime_url(owner_url), owner_url


def _valkey(until_stopped: ExitStack, supervision: embedded.Supervision) -> str:
    if url := os.environ.get("VALKEY_URL"):
        try:
            with redis.Redis.from_url(url) as client:
                client.ping()
        except (redis.RedisError, ValueError) as error:
            raise CommandError(f"VALKEY_URL does not answer: {_first_line(error)}") from None
        return url
    engine = embedded.valkey(settings.HOME / "valkey", supervision=supervision)
    return _start(engine, until_stopped)


def _start(engine: AbstractContextManager[str], until_stopped: ExitStack) -> str:
    try:
        return until_stopped.enter_context(engine)
    except (embedded.EngineError, OSError) as error:
        raise CommandError(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
