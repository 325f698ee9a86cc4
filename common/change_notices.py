"""Rows whose changes other processes must hear of at once: the database itself tells them.

A process that keeps rows in memory, as the gateway does, listens on `CHANNEL`. What is said is the
primary key of the organization whose rows changed, or `EVERYTHING`; PostgreSQL says it when the
change is committed, however it was made, and says the same only once for a transaction.
"""

import pgtrigger

CHANNEL = "entitlements"
EVERYTHING = "*"

BY_ORGANIZATION = f"PERFORM pg_notify('{CHANNEL}', {{row}}.organization_id::text);"
ABOUT_EVERYTHING = f"PERFORM pg_notify('{CHANNEL}', '{EVERYTHING}');"


def announce(*columns: str, what: str = BY_ORGANIZATION) -> list[pgtrigger.Trigger]:
    """Return triggers for `Meta.triggers` that announce new rows, deleted ones and changed columns.

    `what` is the statement that does it, in which `{row}` stands for NEW or OLD.
    """
    triggers = [
        _trigger("announce_new", pgtrigger.Insert, what.format(row="NEW")),
        _trigger("announce_deleted", pgtrigger.Delete, what.format(row="OLD")),
    ]
    if columns:
        triggers.append(announce_changed(*columns, what=what))
    return triggers


def announce_changed(*columns: str, what: str = BY_ORGANIZATION) -> pgtrigger.Trigger:
    """Return a trigger that announces rows of which one of these columns changes."""
    condition = pgtrigger.AnyChange(*columns)
    return _trigger(
        "announce_changed", pgtrigger.Update, what.format(row="NEW"), condition=condition
    )


def _trigger(
    name: str,
    operation: pgtrigger.Operation,
    statement: str,
    condition: pgtrigger.Condition | None = None,
) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.After,
        operation=operation,
        condition=condition,
        func=f"{statement} RETURN NULL;",
    )
