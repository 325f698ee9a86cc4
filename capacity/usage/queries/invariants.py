"""Invariants of stored sums of usage. INVARIANTS has those of capacity and billing too.

They look at the last 30 days by the clock of each organization: older sums and the windows that
they are sums of are forgotten at different times.
"""

from collections.abc import Iterator
from datetime import datetime

from capacity.queries import invariants as capacity
from capacity.usage.models import UsageWindow
from common.invariants import Invariant, Violation, sql_contradictions
from common.invariants import violations as find_violations

# Stored sums, and windows with a minus: together they are nothing.
SUMS_DIFFER = """
    SELECT organization.public_id || ': ' || snapshot.model || ' from ' || at
    FROM ({stored} UNION ALL {windows}) part
    JOIN accounts_organization organization ON organization.id = organization_id
    JOIN capacity_snapshot snapshot ON snapshot.id = snapshot_id
    WHERE at >= date_trunc('day', coalesce(clock_at, %(now)s), 'UTC') - interval '29 days'
    GROUP BY organization.public_id, snapshot.model, at, project_id, pool_id, opted_out
    HAVING {differ}
"""

SUMS = UsageWindow.SUMS
DAYS_DIFFER = SUMS_DIFFER.format(
    stored=f"""
        SELECT organization_id, snapshot_id, day::timestamp AT TIME ZONE 'UTC' AS at,
               project_id, pool_id, opted_out, {", ".join(SUMS)}
        FROM usage_usageday
    """,  # noqa: S608 - names of our own columns, here and below
    windows=f"""
        SELECT organization_id, snapshot_id, date_trunc('day', starts_at, 'UTC'),
               project_id, pool_id, opted_out, -{", -".join(SUMS)}
        FROM usage_usagewindow
    """,  # noqa: S608
    differ=" OR ".join(f"sum({name}) <> 0" for name in SUMS),
)

TOKENS = ("input_tokens", "cached_tokens", "output_tokens")
DEMAND_DIFFERS = SUMS_DIFFER.format(
    stored=f"""
        SELECT organization_id, snapshot_id, starts_at AS at,
               NULL AS project_id, NULL AS pool_id, NULL AS opted_out, {", ".join(TOKENS)}
        FROM usage_usagedemand
    """,  # noqa: S608
    windows=f"""
        SELECT organization_id, snapshot_id, starts_at,
               NULL, NULL, NULL, -{", -".join(TOKENS)}
        FROM usage_usagewindow WHERE NOT opted_out
    """,  # noqa: S608
    differ=" OR ".join(f"sum({name}) <> 0" for name in TOKENS),
)

INVARIANTS = (
    *capacity.INVARIANTS,
    Invariant("A day of usage is the sum of its closed windows", sql_contradictions(DAYS_DIFFER)),
    Invariant(
        "What is replayed is what closed windows asked for", sql_contradictions(DEMAND_DIFFERS)
    ),
)


def violations(*, now: datetime) -> Iterator[Violation]:
    """Yield every invariant that does not hold at the real time `now`."""
    return find_violations(INVARIANTS, now=now)
