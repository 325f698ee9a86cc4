"""Whether this process can serve: what it needs, and what of that is missing."""

import logging
from dataclasses import asdict, dataclass, field

import redis
from django.conf import settings
from django.db import DatabaseError
from redis.backoff import NoBackoff
from redis.retry import Retry

from common.database import unapplied_migrations

logger = logging.getLogger(__name__)

VALKEY_SECONDS = 1.0


@dataclass(slots=True)
class Readiness:
    """`missing` keeps this process from serving; `degraded` names what it does without."""

    missing: list[str] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        return not self.missing

    def document(self) -> dict[str, object]:
        return {"ready": self.is_ready, **asdict(self)}


def check_readiness() -> Readiness:
    """Ask the database and Valkey, which may take some seconds if they do not answer."""
    readiness = Readiness()
    try:
        unapplied = unapplied_migrations()
    except DatabaseError as error:
        logger.warning("not ready: %s", error)
        readiness.missing.append("The database does not answer.")
    else:
        if unapplied:
            readiness.missing.append(
                f"The database lacks {len(unapplied)} migrations, from {unapplied[0]} on."
            )
    if not _valkey_answers():
        readiness.degraded.append(
            "Valkey does not answer: there is no cache, and no background task starts."
        )
    return readiness


def _valkey_answers() -> bool:
    try:
        with redis.Redis.from_url(
            settings.VALKEY_URL,
            socket_connect_timeout=VALKEY_SECONDS,
            socket_timeout=VALKEY_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError) as error:
        logger.warning("degraded: Valkey: %s", error)
        return False
