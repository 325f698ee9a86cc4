"""Append-only tables: the database refuses to change or delete their rows (R19)."""

import pgtrigger


def append_only() -> list[pgtrigger.Trigger]:
    """Return triggers for `Meta.triggers` that refuse UPDATE, DELETE and TRUNCATE, in SQL too."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        never_emptied(),
    ]


def never_emptied() -> pgtrigger.Trigger:
    """Return a trigger that refuses TRUNCATE."""
    return pgtrigger.Trigger(
        name="never_emptied",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'Cannot truncate append-only table %', TG_TABLE_NAME;",
    )
