"""Invariants: sentences that must always be true for the whole database.

Each has a function that yields the rows that contradict it. A new rule about money needs an
invariant in the tuple `INVARIANTS` of its app.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection

MAX_ROWS = 20
"""The most rows that are reported for one violated invariant."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sentence` is always true; `contradictions` yields a text for each contradicting row."""

    sentence: str
    contradictions: Callable[[datetime], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Violation:
    """A violated invariant, and the first rows that contradict it."""

    invariant: Invariant
    rows: tuple[str, ...]


def violations(invariants: Iterable[Invariant], *, now: datetime) -> Iterator[Violation]:
    """Yield the violated invariants at the real time `now`. Sandboxes have their own clocks."""
    for invariant in invariants:
        if rows := tuple(islice(invariant.contradictions(now), MAX_ROWS)):
            yield Violation(invariant, rows)


def sql_contradictions(sql: str) -> Callable[[datetime], Iterator[str]]:
    """Return the `contradictions` of a query that returns one text for each row.

    `%(now)s` in the query is the real time.
    """

    def contradictions(now: datetime) -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT {MAX_ROWS}", {"now": now})
            yield from (text for (text,) in cursor.fetchall())

    return contradictions
