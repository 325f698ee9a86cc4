"""Public ids: a prefix and random characters, which nobody can guess; never reused."""

import uuid
from functools import partial
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Value
from django.db.models.functions import Cast, Concat, Replace


def new_public_id(prefix: str) -> str:
    """Return `prefix` and 122 random bits in hexadecimal."""
    return prefix + uuid.uuid4().hex


def short_id(public_id: str) -> str:
    """Return the prefix of a public id and the first of its characters: `lot_3f9a2c61…`."""
    prefix, _, rest = public_id.partition("_")
    return f"{prefix}_{rest[:8]}…"


class PublicIdField(models.CharField[str, str]):
    """The public id of a row. Python makes it, or the database in an `INSERT … SELECT`."""

    def __init__(self, *, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        text = models.TextField()
        random_hex = Replace(
            Cast(Func(function="gen_random_uuid"), text),
            Value("-", output_field=text),
            Value("", output_field=text),
        )
        kwargs |= {
            "max_length": 40,
            "unique": True,
            "editable": False,
            "default": partial(new_public_id, prefix),
            "db_default": Concat(Value(prefix, output_field=text), random_hex),
        }
        super().__init__(**kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the full name of `varchar`: for it Django makes no second index for `LIKE`."""
        return f"character varying({self.max_length})"

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Return only the prefix for migrations; the other options follow from it."""
        name, path, args, kwargs = super().deconstruct()
        for derived in ("max_length", "unique", "editable", "default", "db_default"):
            kwargs.pop(derived)
        return name, path, args, {**kwargs, "prefix": self.prefix}
