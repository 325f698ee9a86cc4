"""Public ids: opaque, prefixed, unguessable, never reused (contract, section 1)."""

import uuid
from functools import partial
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Value
from django.db.models.functions import Cast, Concat, Replace


def new_public_id(prefix: str) -> str:
    """`lot_` and 122 random bits in hexadecimal."""
    return prefix + uuid.uuid4().hex


class PublicIdField(models.CharField[str, str]):
    """A row's public id, made by Python for one row and by the database for `INSERT … SELECT`."""

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
        """`varchar` spelled out, for which Django makes no second index to serve `LIKE`."""
        return f"character varying({self.max_length})"

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Migrations need the prefix alone; the rest follows from it."""
        name, path, args, kwargs = super().deconstruct()
        for derived in ("max_length", "unique", "editable", "default", "db_default"):
            kwargs.pop(derived, None)
        return name, path, args, {**kwargs, "prefix": self.prefix}
