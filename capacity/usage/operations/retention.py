"""How long usage is kept: partitions by month, and the rows that lie beside them (R14).

Minutes are kept until the end of the month after their own, and until their window has closed;
closed windows, and what is known of exhausted ones, until the end of the 13th month after; the ids
of events until the end of the second month after the one in which they came; days for ever. Months
are those of the organization's clock, but for ids.
"""

import logging
from datetime import datetime

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

MONTH_BY_CLOCK = "date_trunc('month', coalesce(clock_at, %(now)s), 'UTC')"

# The tables with partitions, and when a row in the default one is past. There lie rows of
# sandboxes, whose clocks stand anywhere, and of months for which nobody made a partition in time.
PAST = {
    "usage_usageevent": (
        "received_in < date_trunc('month', %(now)s::timestamptz, 'UTC') - interval '2 months'"
    ),
    "usage_usageminute": (
        f"minute < {MONTH_BY_CLOCK} - interval '1 month' AND minute < closed_until"
    ),
    "usage_usagewindow": f"starts_at < {MONTH_BY_CLOCK} - interval '13 months'",
    "usage_exhaustedwindow": f"starts_at < {MONTH_BY_CLOCK} - interval '13 months'",
}

BATCH = 10_000
"""Rows that one transaction deletes."""

DELETE_PAST = """
DELETE FROM {table}_default WHERE ctid = ANY(ARRAY(
    SELECT past.ctid FROM {table}_default past
    JOIN accounts_organization ON accounts_organization.id = past.organization_id
    LEFT JOIN usage_organizationusage USING (organization_id)
    WHERE {is_past} LIMIT {batch}
))
"""


def keep_usage(*, now: datetime) -> int:
    """Make the partitions of this month and the next; drop and delete what is no longer kept.

    `now` is the real time. Returns the number of partitions and rows that came or went. A table
    that cannot be locked in a few seconds is logged and left for the next run, and delays no other.
    """
    changed = 0
    for table in PAST:
        try:
            changed += _keep_partitions(table) + _delete_past(table, now)
        except DatabaseError:
            logger.exception("%s: its partitions and old rows are left for the next run", table)
    return changed


def _keep_partitions(table: str) -> int:
    """Run the function of the database's owner, as the product's role owns no table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_keep_partitions(%s)", [table])
        return int(cursor.fetchone()[0])


def _delete_past(table: str, now: datetime) -> int:
    statement = DELETE_PAST.format(table=table, is_past=PAST[table], batch=BATCH)
    deleted = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(statement, {"now": now})
            rows: int = cursor.rowcount
            deleted += rows
            if rows < BATCH:
                return deleted
