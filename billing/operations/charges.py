"""Posting charges: the seller provides a query of them, billing adds the discount (R8)."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import DateField, QuerySet
from django.db.models.expressions import RawSQL

from billing.models import Charge
from billing.queries.order_forms import order_forms_in_force

# The columns of the seller's query, in this order. `post_charges` computes the other columns.
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

# The order form that gives the discount of each row of `due`.
FORM_IN_FORCE = (
    order_forms_in_force(RawSQL("due.posted_on", (), DateField()))
    .filter(organization=RawSQL("due.organization_id", ()))
    .values("id", "discount_percent")[:1]
)


def post_charges(due: "QuerySet[Any, Mapping[str, Any]]") -> int:
    """Post one charge for each row of the query `due`; return the number of charges.

    `due` has the columns COLUMNS, in this order. All its rows have the same posting day, and their
    order is the order of the charges. The rows are not fetched: the database makes a hundred
    thousand charges in one statement. Raises IntegrityError if the same lot and day are posted
    twice (R7).
    """
    assert connection.in_atomic_block, (
        "charges are posted in the transaction of their purchase or day"
    )
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
