"""Expiring units: the fact, and everything that tells of it, in one statement."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from capacity.models import ExpiryReason, Lot

EXPIRE = """
WITH due (lot_id, units) AS ({due}),
lot AS (
    UPDATE capacity_lot SET active_units = active_units - due.units
    FROM due WHERE capacity_lot.id = due.lot_id
    RETURNING capacity_lot.id, public_id, organization_id, snapshot_id, kind, due.units AS ended
),
expiry AS (
    INSERT INTO capacity_expiry (organization_id, lot_id, units, ended_on, reason)
    SELECT organization_id, id, ended, %(on)s, %(reason)s FROM lot ORDER BY id
),
audit AS (
    INSERT INTO accounts_auditentry (organization_id, source, action, subject, after, at)
    SELECT organization_id, 'time', 'units.expired', public_id,
           jsonb_build_object('units', ended, 'reason', %(reason)s::text), %(midnight)s
    FROM lot ORDER BY id
),
notice AS (
    INSERT INTO accounts_notice (organization_id, kind, subject, created_at)
    SELECT DISTINCT organization_id, 'units_expired', %(on)s::text, %(midnight)s::timestamptz
    FROM lot
    ON CONFLICT DO NOTHING
)
INSERT INTO capacity_transaction
    (organization_id, snapshot_id, lot_id, type, kind, units, at, note)
SELECT organization_id, snapshot_id, id, 'expiry', kind, ended, %(midnight)s, %(label)s
FROM lot ORDER BY id
"""


def expire_whole(lots: QuerySet[Lot], reason: ExpiryReason, on: date) -> None:
    """Expire every active unit of the lots."""
    expire(lots.order_by("pk").values("pk", ended=F("active_units")), reason, on)


def expire(due: "QuerySet[Any, Mapping[str, Any]]", reason: ExpiryReason, on: date) -> None:
    """Expire units from 00:00 UTC of the service day `on`.

    `due` yields lots and how many of their units; it is never fetched, so that ten thousand lots
    expire in one statement. Each expiry leaves its transaction, its audit entry and a mail.
    """
    due_sql, values = due.query.sql_with_params()
    named = {f"due_{position}": value for position, value in enumerate(values)}
    with connection.cursor() as cursor:
        cursor.execute(
            EXPIRE.format(due=due_sql % tuple(f"%({name})s" for name in named)),
            {
                **named,
                "on": on,
                "reason": reason.value,
                "label": reason.label,
                "midnight": datetime.combine(on, time.min, UTC),
            },
        )
