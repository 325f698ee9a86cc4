"""The payment status of an issued invoice. It only moves forward.

The order is: open, uncollectible, then paid or void. Paid and void are final, at the provider too.
So the order and the repetition of the provider's events make no difference in the end.
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

    Due days are opened first, so the days on which the invoice was overdue keep their effect (R7,
    R11). The payment is synced to the provider, so that nobody pays there again. A second call
    changes nothing. Raises InvalidRequest for a void invoice.
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
    """Move the payment forward to `status`; return False if that is no move forward.

    The row of the payment is locked. `at` is the time of the payment; the audit entry has the time
    of the change.
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
