"""Conditions for queries that concern very many rows."""

from collections.abc import Sequence

from django.db.models import BooleanField, F, Func, TextField, Value


class _AnyOf(Func):
    template = "%(expressions)s::bigint[])"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def any_of(column: str, keys: Sequence[int]) -> Func:
    """Return a condition for queries: the column, which is a number, is one of `keys`.

    They are one parameter. With `column__in` they would be one each, and hundreds of parameters
    take longer to write and to read than the statement takes to run.
    """
    array = Value(f"{{{','.join(map(str, keys))}}}", output_field=TextField())
    return _AnyOf(F(column), array)
