"""What becomes of an issued invoice: it only ever moves forward.

Open, then perhaps uncollectible, then paid or void, which are final at the provider too. So an
invoice ends the same however the news of it are shuffled and repeated.
"""

from datetime import datetime

from django.db import connection, transaction

from accounts.errors import InvalidRequest
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from accounts.operations.organizations import lock_organization
from billing.models import Invoice, Settlement, SettlementStatus
from billing.operations.dispatches import tell_of_payment

MAY_BECOME = {
    SettlementStatus.OPEN: {
        SettlementStatus.PAID,
        SettlementStatus.VOID,
        SettlementStatus.UNCOLLECTIBLE,
    },
    SettlementStatus.UNCOLLECTIBLE: {SettlementStatus.PAID, SettlementStatus.VOID},
    SettlementStatus.PAID: set(),
    SettlementStatus.VOID: set(),
}


def record_payment(*, invoice: Invoice, by: Actor, now: datetime) -> Settlement:
    """An operator's word that an invoice was paid outside the provider, by bank transfer say.

    What is due is opened first: it forgives no day on which the invoice was overdue (R7, R11). The
    provider is told, so that nobody pays it there again. Raises InvalidRequest for one that is
    void. Paid twice is paid once.
    """
    bring_up_to_date(organization=invoice.organization, now=now)
    with transaction.atomic(durable=True):
        lock_organization(invoice.organization)
        settlement = Settlement.objects.select_for_update().get(pk=invoice.pk)
        if settlement.status == SettlementStatus.VOID:
            raise InvalidRequest(f"{invoice} is void; nothing is owed for it.")
        paid = SettlementStatus.PAID
        if settle(settlement=settlement, status=paid, by=by, settled_at=now, now=now):
            tell_of_payment(invoice)
    return settlement


def settle(
    *,
    settlement: Settlement,
    status: SettlementStatus,
    by: Actor,
    settled_at: datetime,
    now: datetime,
) -> bool:
    """Move a settlement that is locked; False if it is past that already. `now` is the record's."""
    assert connection.in_atomic_block, "a settlement moves together with what moves it"
    before = SettlementStatus(settlement.status)
    if status not in MAY_BECOME[before]:
        return False
    settlement.status = status
    settlement.settled_at = settled_at
    settlement.save(update_fields=["status", "settled_at"])
    record(
        organization=settlement.organization,
        by=by,
        action=f"invoice.{status}",
        subject=settlement.invoice.public_id,
        at=now,
        before={"status": before},
        after={"status": status},
    )
    return True
