"""Invariants: what must always hold over the whole database, with the rows that contradict it.

An invariant is a sentence and a function that yields what contradicts it. Whoever adds a rule on
which money depends adds its invariant to the tuple at the end of its app's module.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection

MAX_ROWS = 20
"""Rows named of one violated invariant; a thousand more say nothing new."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sentence` is what always holds; `contradictions` describes each row that is not so."""

    sentence: str
    contradictions: Callable[[datetime], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and the first rows that contradict it."""

    invariant: Invariant
    rows: tuple[str, ...]


def violations(invariants: Iterable[Invariant], *, now: datetime) -> Iterator[Violation]:
    """Check each invariant as of the real time `now`; sandboxes have their own clocks."""
    for invariant in invariants:
        if rows := tuple(islice(invariant.contradictions(now), MAX_ROWS)):
            yield Violation(invariant, rows)


def sql_contradictions(sql: str) -> Callable[[datetime], Iterator[str]]:
    """Contradictions that a query returns, one text a row. `%(now)s` is the real time."""

    def contradictions(now: datetime) -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT {MAX_ROWS}", {"now": now})
            yield from (text for (text,) in cursor.fetchall())

    return contradictions
