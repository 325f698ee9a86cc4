"""Rows that are written once (R19): the database itself refuses to change or remove them."""

import pgtrigger


def append_only() -> list[pgtrigger.Trigger]:
    """Triggers for `Meta.triggers` that refuse UPDATE, DELETE and TRUNCATE, through SQL too."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="never_emptied",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'Cannot truncate append-only table %', TG_TABLE_NAME;",
        ),
    ]
