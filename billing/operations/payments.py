"""The payment status of an issued invoice, which only ever moves forward.

Open, then perhaps uncollectible, then paid or void, which are final at the provider too. So an
invoice ends the same however the events about it are shuffled and repeated.
"""

from datetime import datetime

from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from billing.models import Invoice, InvoicePayment, PaymentStatus
from billing.operations.invoice_sync import enqueue_payment_sync
from common.errors import InvalidRequest

ALLOWED_TRANSITIONS = {
    PaymentStatus.OPEN: {PaymentStatus.PAID, PaymentStatus.VOID, PaymentStatus.UNCOLLECTIBLE},
    PaymentStatus.UNCOLLECTIBLE: {PaymentStatus.PAID, PaymentStatus.VOID},
    PaymentStatus.PAID: set(),
    PaymentStatus.VOID: set(),
}


def record_payment(*, invoice: Invoice, by: Actor, now: datetime) -> InvoicePayment:
    """Record that an invoice was paid outside the provider, by bank transfer for example.

    Due days are opened first: a payment forgives no day on which the invoice was overdue (R7,
    R11). The provider is told, so that nobody pays there again. Raises InvalidRequest for a void
    invoice. Recording a payment twice records it once.
    """
    with organization_change(organization=invoice.organization, by=by, now=now) as change:
        payment = InvoicePayment.objects.select_for_update().get(pk=invoice.pk)
        if payment.status == PaymentStatus.VOID:
            raise InvalidRequest(f"{invoice} is void; nothing is owed for it.")
        if set_payment_status(change, payment, PaymentStatus.PAID, at=change.now):
            enqueue_payment_sync(invoice)
    return payment


def set_payment_status(
    change: Change, payment: InvoicePayment, status: PaymentStatus, *, at: datetime
) -> bool:
    """Move a locked payment forward; return False if it is past that status already.

    `at` is when the payment took place; the audit entry has the time of the change.
    """
    before = PaymentStatus(payment.status)
    if status not in ALLOWED_TRANSITIONS[before]:
        return False
    payment.status = status
    payment.status_changed_at = at
    payment.save(update_fields=["status", "status_changed_at"])
    change.record(
        f"invoice.{status}",
        payment.invoice.public_id,
        before={"status": before},
        after={"status": status},
    )
    return True
