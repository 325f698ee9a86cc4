"""The units that hard limits do not let renew (R10)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import F, QuerySet

from billing.queries.spend import POSTED, posted_parameters
from capacity.models import Lot
from capacity.queries.catalogue import lot_price

# Each unit counts against both limits, whether or not it is refused. Lots are in order of purchase,
# within one purchase input, output, combined: this is the order in which they were made. Of a lot,
# as many units renew as fit into the room that is left after the lots before it.
UNITS_PAST_LIMIT = """
    WITH room AS (
        SELECT organization_id, project_id, amount - posted AS room FROM ({posted}) posted
        WHERE is_hard
    ),
    due (id, organization_id, project_id, units, price) AS MATERIALIZED ({due}),
    counted AS (
        SELECT due.*,
               sum(units * price) OVER (PARTITION BY organization_id ORDER BY id)
               - units * price AS before,
               sum(units * price) OVER (PARTITION BY project_id ORDER BY id)
               - units * price AS before_in_project
        FROM due
    ),
    refused AS (
        SELECT lot.id, lot.units,
               room.room - CASE WHEN room.project_id IS NULL THEN lot.before
                                ELSE lot.before_in_project END AS left_before,
               lot.price
        FROM counted lot JOIN room
          ON room.organization_id = lot.organization_id
         AND (room.project_id IS NULL OR room.project_id = lot.project_id)
    )
    SELECT id, max(
        CASE WHEN left_before < 0 THEN units
             WHEN price = 0 THEN 0
             ELSE greatest(0, units - div(left_before, price)) END
    )::bigint AS ended
    FROM refused GROUP BY id
    HAVING bool_or(left_before < units * price)
    ORDER BY id
"""


def units_past_limit(
    due: QuerySet[Lot], *, organizations: Sequence[int], on: date
) -> tuple[str, list[Any]]:
    """Return SQL of the lots in `due`, and the units of each that hard limits end on `on` (R10).

    `due` are lots past their commitment; what is posted on the day already counts.
    """
    columns = due.order_by().values_list(
        "pk", "organization_id", "project_id", F("active_units"), lot_price(on)
    )
    due_sql, due_params = columns.query.sql_with_params()
    sql = UNITS_PAST_LIMIT.format(posted=POSTED, due=due_sql)
    return sql, [*posted_parameters(organizations, on), *due_params]
