"""What is posted under the limits of many organizations at once (R10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from billing.domain.periods import period_containing
from billing.models import SpendLimit
from common.conditions import any_of

# The limits of the organizations, and what each project has posted in the present period, in minor
# units. Of a limit, `project_id` is null if it is the organization's own. The parameters are the
# `period_starts` and the organizations, as arrays.
LIMITS_AND_POSTED = """
    spend_limit AS MATERIALIZED (
        SELECT spend_limit.organization_id, spend_limit.project_id, amount, is_hard, alerts,
               (%s::date[])[anchor_day] AS period_start
        FROM billing_spendlimit spend_limit JOIN billing_billingaccount USING (organization_id)
        WHERE amount IS NOT NULL AND organization_id = ANY(%s::bigint[])
    ),
    posted AS (
        SELECT account.organization_id, spend.project_id, spend.amount
        FROM (SELECT DISTINCT organization_id, period_start FROM spend_limit) account
        JOIN LATERAL (
            SELECT project_id, sum(amount) AS amount FROM billing_dailyspend spend
            WHERE spend.organization_id = account.organization_id
              AND spend.posted_on >= account.period_start
            GROUP BY project_id
        ) spend ON true
    )
"""

# A limit is of interest if what the next days cost can take its spend to a threshold or past it.
# `cost` is the most that the renewals of one day can cost, by project.
LIMITS_IN_REACH = f"""
    WITH {LIMITS_AND_POSTED},
    cost (organization_id, project_id, per_day) AS ({{cost}}),
    spend AS (
        SELECT organization_id, project_id, sum(posted) AS posted, sum(per_day) AS per_day
        FROM (
            SELECT organization_id, project_id, amount AS posted, 0 AS per_day FROM posted
            UNION ALL
            SELECT organization_id, project_id, 0, per_day FROM cost
        ) part
        GROUP BY GROUPING SETS ((organization_id, project_id), organization_id)
    ),
    state AS (
        SELECT spend_limit.organization_id,
               is_hard AND posted + per_day * %s > amount AS is_near,
               period_start = %s OR EXISTS (
                   SELECT FROM unnest(alerts) threshold (percent)
                   WHERE (posted + per_day) * 100 >= amount * threshold.percent AND NOT EXISTS (
                       SELECT FROM billing_spendalert alert
                       WHERE alert.organization_id = spend_limit.organization_id
                         AND alert.project_id IS NOT DISTINCT FROM spend_limit.project_id
                         AND alert.period_start = spend_limit.period_start
                         AND alert.percent = threshold.percent
                   )
               ) AS is_alerting
        FROM spend_limit JOIN spend
          ON spend.organization_id = spend_limit.organization_id
         AND coalesce(spend.project_id, 0) = coalesce(spend_limit.project_id, 0)
    )
    SELECT organization_id, bool_or(is_near), bool_or(is_alerting) FROM state
    WHERE is_near OR is_alerting GROUP BY organization_id
"""  # noqa: S608 - it is made of the constant above


@dataclass(frozen=True, slots=True)
class LimitsInReach:
    """The organizations, by primary key, whose spend limits the next days may concern."""

    near: Sequence[int] = ()
    """The next days may take them past a hard limit."""
    alerting: Sequence[int] = ()
    """The next day may reach a threshold without an alert in this period, or starts a period: then
    the renewals that are to come in it count at once."""


def period_starts(on: date) -> list[date]:
    """Return the start of the period that contains `on`, for each anchor day from 1 to 31 (R2)."""
    return [period_containing(on, anchor_day=anchor).start for anchor in range(1, 32)]


def limits_of(organizations: Sequence[int]) -> QuerySet[SpendLimit]:
    """Return the spend limits of organizations, given by primary key, and of their projects."""
    return SpendLimit.objects.filter(
        any_of("organization", organizations), amount__isnull=False
    ).order_by()


def limits_in_reach(
    cost: QuerySet[Any, Any], *, organizations: Sequence[int], on: date, days: int
) -> LimitsInReach:
    """Return the limits that the renewals of `days` from the service day `on` on may concern.

    Nothing is posted on that day yet. The rows of `cost` are primary keys of organization and
    project, and the most that one of these days can cost, in minor units.
    """
    sql, parameters = cost.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            LIMITS_IN_REACH.format(cost=sql),
            [*posted_parameters(organizations, on), *parameters, days, on],
        )
        rows = cursor.fetchall()
    return LimitsInReach(
        near=[key for key, is_near, _ in rows if is_near],
        alerting=[key for key, _, is_alerting in rows if is_alerting],
    )


def posted_parameters(organizations: Sequence[int], on: date) -> list[Any]:
    """Return the parameters of `LIMITS_AND_POSTED` on the service day `on`."""
    return [period_starts(on), list(organizations)]
