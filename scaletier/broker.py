"""Celery's connection to Valkey, which may be lost in the middle of a task.

kombu then hands back and confirms the task by the connection that is not there any more, which
fails with an AttributeError: the worker ends. As the loss that it is, it is logged, and the worker
connects again.
"""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):
    """Raises what kombu expects of a lost connection."""

    def _connparams(self, **options: Any) -> dict[str, Any]:
        if self.connection.client is None:
            raise ConnectionLost("The connection to the broker was lost.")
        parameters: dict[str, Any] = super()._connparams(**options)  # type: ignore[misc]
        return parameters


class Transport(redis.Transport):
    """That of `redis://` and `rediss://`, by `scaletier.celery`."""

    Channel = Channel
