"""What billing's mail says."""

from typing import Any

from accounts.models import Notice
from accounts.operations.notices import says
from billing.models import Invoice


@says("invoice_issued")
@says("payment_failed")
def about_an_invoice(notice: Notice) -> dict[str, Any]:
    invoice = Invoice.objects.get(organization=notice.organization, public_id=notice.subject)
    return {"invoice": invoice, "total": invoice.money(invoice.total)}
