"""The spend limits that renewals may reach, and the units that hard limits do not renew (R10)."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from billing.queries.spend import (
    LIMITS_AND_POSTED,
    LimitsInReach,
    limits_in_reach,
    posted_parameters,
)
from capacity.models import Lot
from capacity.queries.catalogue import highest_list_price, lot_price
from capacity.queries.days import active_lots_of, uncharged_lots_of
from capacity.queries.refused_renewals import AHEAD

# Units in their commitment renew whatever the limit, so they come first. Each unit counts against
# both limits, whether or not it is refused. Lots are in order of purchase, within one purchase
# input, output, combined: this is the order in which they were made. Of a lot, as many units renew
# as fit into the room that is left after the lots before it.
UNITS_PAST_LIMIT = f"""
    WITH {LIMITS_AND_POSTED},
    room AS (
        SELECT spend_limit.organization_id, spend_limit.project_id,
               spend_limit.amount - coalesce(sum(posted.amount), 0) AS room
        FROM spend_limit LEFT JOIN posted
          ON posted.organization_id = spend_limit.organization_id
         AND posted.project_id = coalesce(spend_limit.project_id, posted.project_id)
        WHERE is_hard
        GROUP BY spend_limit.organization_id, spend_limit.project_id, spend_limit.amount
    ),
    due (id, organization_id, project_id, units, price, is_committed) AS MATERIALIZED ({{due}}),
    counted AS (
        SELECT due.*,
               sum(units * price) OVER (
                   PARTITION BY organization_id ORDER BY is_committed DESC, id
               ) - units * price AS before,
               sum(units * price) OVER (
                   PARTITION BY project_id ORDER BY is_committed DESC, id
               ) - units * price AS before_in_project
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
        WHERE NOT lot.is_committed
    )
    SELECT id, max(
        CASE WHEN left_before < 0 THEN units
             WHEN price = 0 THEN 0
             ELSE greatest(0, units - div(left_before, price)) END
    )::bigint AS ended
    FROM refused GROUP BY id
    HAVING bool_or(left_before < units * price)
    ORDER BY id
"""  # noqa: S608 - it is made of a constant


def limits_in_reach_of_day(organizations: Sequence[int], on: date) -> LimitsInReach:
    """Return the limits that renewals may reach on the service day `on` or in the 7 days after it.

    It is a quick look at all organizations that are given, so that few need a closer one. Nothing
    of the day is charged yet.
    """
    highest_price = Greatest(F("price_per_day"), highest_list_price(on, on + AHEAD))
    cost = (
        active_lots_of(organizations)
        .order_by()
        .values_list("organization_id", "project_id")
        .annotate(per_day=Sum(F("active_units") * highest_price))
    )
    return limits_in_reach(cost, organizations=organizations, on=on, days=AHEAD.days + 1)


def units_past_limit(organizations: Sequence[int], on: date) -> tuple[str, list[Any]]:
    """Return SQL of lots past their commitment, and the units of each that hard limits end (R10).

    Nothing of the service day `on` is charged yet in the organizations, given by primary key.
    """
    committed = ExpressionWrapper(Q(commitment_ends_on__gt=on), output_field=BooleanField())
    due: QuerySet[Lot, Any] = (
        uncharged_lots_of(organizations, on)
        .order_by()
        .values_list(
            "pk", "organization_id", "project_id", F("active_units"), lot_price(on), committed
        )
    )
    sql, parameters = due.query.sql_with_params()
    return UNITS_PAST_LIMIT.format(due=sql), [*posted_parameters(organizations, on), *parameters]
