"""What one client may take of the gateway itself, whatever it has bought."""

from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from capacity.gateway.entitlements import Caller
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
    requests_of_organization: int = 2_000
    """The same for all keys of an organization: a quarter of the connections of a process."""
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
    """Counts the requests that are open, by key and by organization."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._of_keys: defaultdict[str, int] = defaultdict(int)
        self._of_organizations: defaultdict[int, int] = defaultdict(int)

    def open(self, caller: Caller) -> None:
        """Count a request, until `close`. Raises GatewayError beyond a limit."""
        key, organization, limits = caller.key, caller.organization.pk, self._limits
        if self._of_keys[key] >= limits.requests_of_key:
            raise _too_many(f"This key has {limits.requests_of_key:,}")
        if self._of_organizations[organization] >= limits.requests_of_organization:
            raise _too_many(f"Your organization has {limits.requests_of_organization:,}")
        self._of_keys[key] += 1
        self._of_organizations[organization] += 1

    def __len__(self) -> int:
        return sum(self._of_keys.values())

    def close(self, caller: Caller) -> None:
        """Count a request no longer."""
        _take_one(self._of_keys, caller.key)
        _take_one(self._of_organizations, caller.organization.pk)


def _take_one(counts: defaultdict[Any, int], key: object) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def too_much_open(code: str, message: str) -> GatewayError:
    """Return the refusal of what a client may do again as soon as its other requests end."""
    return GatewayError(
        HTTPStatus.TOO_MANY_REQUESTS, code, message, kind="requests", headers={"retry-after": "1"}
    )


def _too_many(subject: str) -> GatewayError:
    return too_much_open(
        "too_many_open_requests", f"{subject} requests open, which is the most at once."
    )
