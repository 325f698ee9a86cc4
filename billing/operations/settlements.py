"""What becomes of an issued invoice."""

from datetime import datetime

from django.db import transaction

from accounts.errors import InvalidRequest
from accounts.operations.audit import Actor, record
from billing.models import Invoice, Settlement, SettlementStatus


def record_payment(*, invoice: Invoice, by: Actor, now: datetime) -> Settlement:
    """An operator's word that an invoice was paid outside the provider, by bank transfer say.

    Raises InvalidRequest for one that is void. Paid twice is paid once.
    """
    with transaction.atomic():
        settlement = Settlement.objects.select_for_update().get(pk=invoice.pk)
        if settlement.status == SettlementStatus.VOID:
            raise InvalidRequest(f"{invoice} is void; nothing is owed for it.")
        if settlement.status == SettlementStatus.PAID:
            return settlement
        before, settlement.status = settlement.status, SettlementStatus.PAID
        settlement.settled_at = now
        settlement.save(update_fields=["status", "settled_at"])
        record(
            organization=invoice.organization,
            by=by,
            action="invoice.paid",
            subject=invoice.public_id,
            at=now,
            before={"status": before},
            after={"status": SettlementStatus.PAID},
        )
    return settlement
