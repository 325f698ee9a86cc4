"""What one client may take of the gateway itself, whatever it has bought."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from capacity.gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes, times in seconds."""

    body: int = 20_000_000
    held_bodies: int = 400_000_000
    """Bytes of large bodies that a process holds at once, for all; for one organization less."""
    body_seconds: float = 30
    requests_of_key: int = 1_000
    """How many requests of one key may be open at once, in each process."""
    stalled_seconds: float = 60
    """How long a client may take nothing of a stream that has something for it."""


def too_large(limits: Limits) -> GatewayError:
    return GatewayError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "request_too_large",
        f"The body of a request has at most {limits.body:,} bytes.",
    )


def too_slow(limits: Limits) -> GatewayError:
    return GatewayError(
        HTTPStatus.REQUEST_TIMEOUT,
        "request_too_slow",
        f"The body did not arrive within {limits.body_seconds:g} seconds.",
    )


class OpenRequests:
    """Counts the requests that are open, by key."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._open: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Count a request while it is open. Raises GatewayError beyond the limit."""
        if self._open[key] >= self._at_most:
            raise GatewayError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too_many_open_requests",
                f"This key has {self._at_most:,} requests open, which is the most at once.",
                kind="requests",
                headers={"retry-after": "1"},
            )
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
