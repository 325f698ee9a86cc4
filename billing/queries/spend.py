"""What is posted under the limits of many organizations at once (R10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.postgres.aggregates import BoolOr
from django.db import connection

from billing.domain.periods import period_containing
from billing.models import SpendLimit

# What is posted in the present period under each limit, in minor units. `project_id` is null for
# the limit of an organization. The parameters are `period_starts` and the organizations.
POSTED = """
    SELECT spend_limit.organization_id, spend_limit.project_id, spend_limit.amount,
           spend_limit.is_hard, spend_limit.alerts, account.period_start,
           coalesce(sum(spend.amount), 0) AS posted
    FROM billing_spendlimit spend_limit
    JOIN (
        SELECT organization_id, (%s::date[])[anchor_day] AS period_start
        FROM billing_billingaccount
    ) account USING (organization_id)
    LEFT JOIN billing_dailyspend spend
           ON spend.organization_id = spend_limit.organization_id
          AND spend.posted_on >= account.period_start
          AND spend.project_id = coalesce(spend_limit.project_id, spend.project_id)
    WHERE spend_limit.amount IS NOT NULL AND spend_limit.organization_id = ANY(%s)
    GROUP BY spend_limit.id, account.period_start
"""

# The organizations whose posted spend has reached a threshold without an alert in this period.
UNALERTED = f"""
    SELECT DISTINCT state.organization_id
    FROM ({POSTED}) state CROSS JOIN unnest(state.alerts) percent
    WHERE state.posted > 0 AND state.posted * 100 >= state.amount * percent AND NOT EXISTS (
        SELECT FROM billing_spendalert alert
        WHERE alert.organization_id = state.organization_id
          AND alert.project_id IS NOT DISTINCT FROM state.project_id
          AND alert.period_start = state.period_start AND alert.percent = percent
    )
"""  # noqa: S608 - it is made of the constant above


LEAST_ROOM = f"""
    SELECT organization_id, min(amount - posted)::bigint FROM ({POSTED}) state
    WHERE is_hard GROUP BY organization_id
"""  # noqa: S608 - it is made of the constant above


def period_starts(on: date) -> list[date]:
    """Return the start of the period that contains `on`, for each anchor day from 1 to 31 (R2)."""
    return [period_containing(on, anchor_day=anchor).start for anchor in range(1, 32)]


@dataclass(frozen=True, slots=True)
class Limited:
    """The organizations, by primary key, that have a limit, and those that have a hard one."""

    any: Sequence[int]
    hard: Sequence[int]


def limited(organizations: Sequence[int]) -> Limited:
    """Return which of the organizations have limits: the opening of a day spares all others."""
    rows = (
        SpendLimit.objects.filter(organization__in=organizations, amount__isnull=False)
        .order_by()
        .values_list("organization_id")
        .annotate(has_hard=BoolOr("is_hard"))
    )
    found = dict(rows)
    return Limited(any=list(found), hard=[key for key, has_hard in found.items() if has_hard])


def rooms(organizations: Sequence[int], *, on: date) -> Mapping[int, int]:
    """Return the least that a hard limit of each organization still lets post, in minor units.

    Only organizations with a hard limit are in the result.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEAST_ROOM, posted_parameters(organizations, on))
        return dict(cursor.fetchall())


def posted_parameters(organizations: Sequence[int], on: date) -> list[Any]:
    """Return the parameters of `POSTED` on the service day `on`."""
    return [period_starts(on), list(organizations)]
