"""Posting charges: the seller provides a query of them, billing adds the discount (R8)."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import DateField, QuerySet
from django.db.models.expressions import RawSQL

from billing.models import Charge
from billing.queries.order_forms import order_forms_in_force

# The columns of the seller's query after the place of each charge, in this order. `post_charges`
# computes the other columns.
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

# The order form that gives the discount on each `day` of an organization.
FORM_IN_FORCE = (
    order_forms_in_force(RawSQL("day.posted_on", (), DateField()))
    .filter(organization=RawSQL("day.organization_id", ()))
    .values("id", "discount_percent")[:1]
)


def post_charges(due: "QuerySet[Any, Mapping[str, Any]]") -> int:
    """Post one charge for each row of the query `due`; return the number of charges.

    `due` has a number and then COLUMNS, in this order; the numbers give the charges their order.
    The rows are not fetched: the database makes a hundred thousand charges in one statement.
    Raises IntegrityError if the same lot and day are posted twice (R7).
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
            WITH due (place, {names}) AS MATERIALIZED ({due_sql}),
            form AS (
                SELECT * FROM (SELECT DISTINCT organization_id, posted_on FROM due) day
                JOIN LATERAL ({form_sql}) form ON true
            )
            INSERT INTO {Charge._meta.db_table} ({names}, amount, discount_percent)
            SELECT {", ".join(f"due.{name}" for name in COLUMNS)},
                   due.units * due.price_per_day * (due.service_to - due.service_from),
                   coalesce(own.discount_percent, form.discount_percent, 0)
            FROM due
            LEFT JOIN form USING (organization_id, posted_on)
            LEFT JOIN billing_modeldiscount own
                   ON own.order_form_id = form.id AND own.model = due.model
            ORDER BY due.place
            """,  # noqa: S608 - column names are the constants above
            (*due_params, *form_params),
        )
        return int(cursor.rowcount)
