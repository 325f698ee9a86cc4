"""Expiring units of many lots in one statement, with transactions, audit entries and emails."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import JSONObject

from accounts.operations.audit import TIME, record_each
from accounts.operations.emails import enqueue_emails
from capacity.models import Expiry, ExpiryReason, Lot
from common.instants import midnight

EXPIRE = """
WITH due (lot_id, units) AS ({due}),
lot AS (
    UPDATE capacity_lot SET active_units = active_units - due.units
    FROM due WHERE capacity_lot.id = due.lot_id
    RETURNING capacity_lot.id, organization_id, snapshot_id, kind, due.units AS ended
),
transaction AS (
    INSERT INTO capacity_transaction
        (organization_id, snapshot_id, lot_id, type, kind, units, at, note)
    SELECT organization_id, snapshot_id, id, 'expiry', kind, ended, %(midnight)s, %(label)s
    FROM lot ORDER BY id
)
INSERT INTO capacity_expiry (organization_id, lot_id, units, ended_on, reason)
SELECT organization_id, id, ended, %(on)s, %(reason)s FROM lot ORDER BY id
RETURNING id
"""


def expire_whole_lots(lots: QuerySet[Lot], reason: ExpiryReason, on: date) -> None:
    """Expire all active units of the lots, from 00:00 UTC of the service day `on`."""
    expire(lots.order_by("pk").values("pk", ended=F("active_units")), reason, on)


def expire(due: "QuerySet[Any, Mapping[str, Any]]", reason: ExpiryReason, on: date) -> None:
    """Expire units from 00:00 UTC of the service day `on` (R5, R11).

    `due` is a query of lots, with the primary key and the number of units of each. Its rows are not
    fetched, so that ten thousand lots expire in one statement. Each expiry makes a transaction and
    an audit entry; each organization gets one email for a day.
    """
    sql, parameters = due.query.sql_with_params()
    expire_rows(sql, parameters, reason, on)


def expire_rows(sql: str, parameters: Sequence[Any], reason: ExpiryReason, on: date) -> None:
    """Expire units like `expire`; `sql` selects the primary keys of lots and the units of each."""
    named = {f"due_{position}": value for position, value in enumerate(parameters)}
    with connection.cursor() as cursor:
        cursor.execute(
            EXPIRE.format(due=sql % tuple(f"%({name})s" for name in named)),
            {
                **named,
                "on": on,
                "reason": reason.value,
                "label": reason.label,
                "midnight": midnight(on),
            },
        )
        expiries = [key for (key,) in cursor.fetchall()]
    if expiries:
        _record_and_enqueue_emails(expiries, on)


def _record_and_enqueue_emails(expiries: list[int], on: date) -> None:
    expired = Expiry.objects.filter(pk__in=expiries)
    after = JSONObject(units="units", reason="reason")
    record_each(
        expired.order_by("pk").values_list("organization_id", "lot__public_id", after),
        by=TIME,
        action="units.expired",
        at=midnight(on),
    )
    holders = expired.order_by().values_list("organization", flat=True).distinct()
    enqueue_emails(kind="units_expired", about=dict.fromkeys(holders, str(on)), now=midnight(on))
