"""A body on its way in, and what all of them together may take of a process.

JSON is read in one step, in which nothing else is served: some 100 ns for each value, and as many
bytes of memory as a small object has. So what a large body holds is counted as it arrives, and
refused as soon as it is too much. An image costs little however large it is: it is one value.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self

from capacity.gateway.answering import Receive
from capacity.gateway.deadlines import Deadline
from capacity.gateway.errors import SERVER_ERROR, GatewayError, invalid
from capacity.gateway.limits import Limits, too_large, too_much_open, too_slow

SMALL = 64 * 1024
"""Bytes up to which a body is not looked at: reading it takes a few milliseconds at most."""
MOST_VALUES = 400_000
"""OpenAI takes up to 300,000 token ids in one request for embeddings."""
MOST_CONTAINERS = 40_000
"""Objects and lists together. They cost most, to read and to walk through."""
SHARE_OF_ORGANIZATION = 4
"""One organization may hold this part of what all may: a quarter."""


class BodyBudget:
    """Counts the bytes of the large bodies that a process holds, by organization."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.deadline = Deadline(limits.body_seconds)
        self.at_most = max(limits.held_bodies, limits.body)
        self.at_most_of_organization = max(self.at_most // SHARE_OF_ORGANIZATION, limits.body)
        self.held = 0
        self._held_of: dict[int, int] = {}

    def take(self, organization: int, size: int) -> None:
        """Count bytes that arrived. Raises GatewayError beyond the limits, and counts nothing."""
        held = self._held_of.get(organization, 0)
        if held + size > self.at_most_of_organization:
            raise _organization_holds_too_much(self.at_most_of_organization)
        if self.held + size > self.at_most:
            raise _all_hold_too_much()
        self.held += size
        self._held_of[organization] = held + size

    def give_back(self, organization: int, size: int) -> None:
        self.held -= size
        self._held_of[organization] -= size
        if not self._held_of[organization]:
            del self._held_of[organization]


class IncomingBody:
    """The body of one request. As a context manager it is held until the end of the block."""

    __slots__ = ("_budget", "_chunks", "_held", "_organization", "_size", "_structure")

    def __init__(self, budget: BodyBudget, organization: int) -> None:
        self._budget = budget
        self._organization = organization
        self._chunks: list[bytes] = []
        self._size = 0
        self._held = 0
        self._structure: Structure | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._held:
            self._budget.give_back(self._organization, self._held)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the whole body. Raises GatewayError, also if the rest of it never comes."""
        limits = self._budget.limits
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limits.body:
            raise too_large(limits)
        try:
            return await self._budget.deadline.keep(self._read(receive))
        except TimeoutError:
            raise too_slow(limits) from None

    async def _read(self, receive: Receive) -> bytes:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _broke_off()
            self._add(message["body"])
            more = message["more_body"]
        body, self._chunks = b"".join(self._chunks), []
        return body

    def _add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > self._budget.limits.body:
            raise too_large(self._budget.limits)
        if self._size > SMALL:
            self._count(chunk)

    def _count(self, chunk: bytes) -> None:
        """Count a chunk of a large body, with what came before it was large."""
        if self._structure is None:
            self._structure = Structure()
            chunk = b"".join(self._chunks)
        self._budget.take(self._organization, self._size - self._held)
        self._held = self._size
        self._structure.feed(chunk)


class Structure:
    """Counts the values of a JSON document that comes in chunks: what is not within a string."""

    __slots__ = ("_is_in_string", "_pending", "containers", "quotes", "values")

    def __init__(self) -> None:
        self.containers = self.quotes = 0
        self.values = 1
        """At least as many as there are; one more only for each empty object or list."""
        self._is_in_string = False
        self._pending = b""
        """A backslash at the end of a chunk, without what it escapes."""

    def feed(self, chunk: bytes) -> None:
        """Count a chunk. Raises GatewayError as soon as there is too much.

        All of it is done by searches in C; a string whose quotes are counted is not looked at.
        """
        if self._pending or b"\\" in chunk:
            chunk = (self._pending + chunk).replace(b"\\\\", b"").replace(b'\\"', b"")
            self._pending = b"\\" if chunk.endswith(b"\\") else b""
        parts = chunk.split(b'"')
        outside = b"".join(parts[self._is_in_string :: 2])
        quotes = len(parts) - 1
        self._is_in_string ^= bool(quotes % 2)
        self.quotes += quotes
        containers = outside.count(b"[") + outside.count(b"{")
        self.containers += containers
        self.values += containers + outside.count(b",")
        # A string has two quotes, and is a value or the name of one.
        if self.values > MOST_VALUES or self.quotes > 4 * MOST_VALUES:
            raise _too_many(MOST_VALUES, "values")
        if self.containers > MOST_CONTAINERS:
            raise _too_many(MOST_CONTAINERS, "objects and lists")


def _too_many(at_most: int, what: str) -> GatewayError:
    return invalid(
        f"The body holds more than {at_most:,} {what}, which is the most in one request.",
        code="too_many_values",
    )


def _broke_off() -> GatewayError:
    """Return the answer to a body that ends too early, or is sent in broken chunks.

    Whoever left does not see it: the server does not say which of the two it was.
    """
    return invalid("The body of the request broke off.", code="incomplete_body")


def _organization_holds_too_much(at_most: int) -> GatewayError:
    return too_much_open(
        "too_many_open_bytes",
        f"The open requests of your organization hold {at_most:,} bytes, which is the most.",
    )


def _all_hold_too_much() -> GatewayError:
    return GatewayError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded",
        "The gateway holds as many large requests as it can. Try again in a moment.",
        kind=SERVER_ERROR,
        headers={"retry-after": "1"},
    )
