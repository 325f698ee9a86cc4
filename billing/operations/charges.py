"""Posting charges: whoever sells yields what is to be charged, billing adds the discount (R8)."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import DateField, QuerySet
from django.db.models.expressions import RawSQL

from billing.models import Charge
from billing.queries.order_forms import order_forms_in_force

# What a seller's query has to yield, in this order: Charge's own columns, less those derived here.
COLUMNS = (
    "organization_id",
    "project_id",
    "lot",
    "model",
    "kind",
    "type",
    "posted_on",
    "service_from",
    "service_to",
    "units",
    "price_per_day",
    "currency",
)

# The form that rules each row's discount, to be joined to them.
FORM_IN_FORCE = (
    order_forms_in_force(RawSQL("due.posted_on", (), DateField()))
    .filter(organization=RawSQL("due.organization_id", ()))
    .values("id", "discount_percent")[:1]
)


def post_charges(due: "QuerySet[Any, Mapping[str, Any]]") -> int:
    """Post one charge a row of `due` and return how many.

    `due` is a query with the values of COLUMNS, all of one posting day, in the order in which
    charges are numbered. It is never fetched: they are made inside the database, a hundred thousand
    at a time as well as one. Posting the same lot and day twice is a unique violation, by design
    (R7).
    """
    assert connection.in_atomic_block, "charges are posted within the change that causes them"
    due_sql, due_params = due.query.sql_with_params()
    form_sql, form_params = FORM_IN_FORCE.query.sql_with_params()
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH due ({names}) AS ({due_sql}),
            numbered AS (SELECT due.*, row_number() OVER () AS place FROM due)
            INSERT INTO {Charge._meta.db_table} ({names}, amount, discount_percent)
            SELECT {", ".join(f"due.{name}" for name in COLUMNS)},
                   due.units * due.price_per_day * (due.service_to - due.service_from),
                   coalesce(own.discount_percent, form.discount_percent, 0)
            FROM numbered due
            LEFT JOIN LATERAL ({form_sql}) form ON true
            LEFT JOIN billing_modeldiscount own
                   ON own.order_form_id = form.id AND own.model = due.model
            ORDER BY due.place
            """,  # noqa: S608 - column names are the constants above
            (*due_params, *form_params),
        )
        return int(cursor.rowcount)
