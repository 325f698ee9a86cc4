"""Making and updating the Stripe invoice of an issued invoice, outside any transaction."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time

from django.db.models import Case, F, Value, When

from billing.domain.billing_details import Customer
from billing.models import Invoice, InvoiceSync, SyncStatus
from billing.operations.provider_customers import CLOCKS_APART, printed_fields, sync_customer
from billing.stripe_gateway import (
    Gateway,
    InvoiceHeader,
    InvoiceItem,
    NumberTaken,
    ProviderRejected,
    StripeInvoice,
)
from common.days import last_day
from common.decimals import plain

PAYABLE = {"open", "uncollectible"}
"""The statuses at Stripe in which the customer can pay on the hosted page."""


def sync_invoice(sync: InvoiceSync, gateway: Gateway, now: datetime) -> StripeInvoice:
    """Send the Stripe invoice or, if our invoice is paid, mark it as paid; return it.

    Raises ProviderError.
    """
    if gateway.is_live and sync.organization.is_sandbox:
        raise ProviderRejected("A sandbox never reaches Stripe's live mode; a test key syncs it.")
    if sync.invoice.payment.is_final:
        return _sync_payment(sync, gateway)
    return _send(sync, gateway, now)


def _send(sync: InvoiceSync, gateway: Gateway, now: datetime) -> StripeInvoice:
    """Create the Stripe invoice with our lines, finalize it and have Stripe send it; return it.

    Each step is skipped if it was done before. If the worker is killed after Stripe sent the email,
    and the sync is resumed more than 24 hours later, Stripe sends the email a second time.
    """
    invoice = sync.invoice
    customer = sync_customer(sync.organization, gateway, now)
    stripe_invoice = gateway.find_invoice(customer, invoice.public_id)
    if stripe_invoice is None:
        stripe_invoice = _create(sync, gateway, _header(sync, customer, now))
    _store_provider_id(sync, stripe_invoice.id)
    if stripe_invoice.status == "draft":
        stripe_invoice = _complete(sync, stripe_invoice, gateway)
    _check(invoice, stripe_invoice)
    if stripe_invoice.status == "draft":
        stripe_invoice = gateway.finalize(stripe_invoice.id, key=_key(sync, "finalize"))
        _check(invoice, stripe_invoice)
    if stripe_invoice.status == "open":
        stripe_invoice = gateway.send(stripe_invoice.id, key=_key(sync, "send"))
    return stripe_invoice


def _create(sync: InvoiceSync, gateway: Gateway, header: InvoiceHeader) -> StripeInvoice:
    """Create the draft under our number, or under one of Stripe's if theirs has ours already."""
    try:
        return gateway.create_invoice(header, key=_key(sync, "create"))
    except NumberTaken:
        return gateway.create_invoice(replace(header, number=""), key=_key(sync, "unnumbered"))


def _store_provider_id(sync: InvoiceSync, provider_id: str) -> None:
    """Store Stripe's id at once: events about the Stripe invoice may arrive from now on.

    If this worker's lease has run out, another one may have found the invoice paid and the sync
    not needed. It is needed now: the Stripe invoice has to be marked as paid, whatever becomes of
    this worker.
    """
    not_needed = When(status=SyncStatus.NOT_NEEDED, then=Value(SyncStatus.PENDING))
    InvoiceSync.objects.filter(pk=sync.pk).update(
        provider_id=provider_id, status=Case(not_needed, default=F("status"))
    )


def _sync_payment(sync: InvoiceSync, gateway: Gateway) -> StripeInvoice:
    """Mark the Stripe invoice as paid out of band, unless it is paid or void there; return it.

    Only Stripe's events make our invoices void. So if nothing is owed here and the invoice can
    still be paid at Stripe, it is paid here.
    """
    stripe_invoice = gateway.read_invoice(sync.provider_id)
    if stripe_invoice.status == "draft":
        raise ProviderRejected(
            f"Nothing is owed any more; {stripe_invoice.id} is left a draft at Stripe."
        )
    if stripe_invoice.status not in PAYABLE:
        return stripe_invoice
    try:
        return gateway.pay_out_of_band(stripe_invoice.id, key=_key(sync, "pay"))
    except ProviderRejected:  # The customer may have paid meanwhile.
        stripe_invoice = gateway.read_invoice(sync.provider_id)
        if stripe_invoice.status in PAYABLE:
            raise
        return stripe_invoice


def items(invoice: Invoice) -> Iterator[InvoiceItem]:
    """Yield one item for each line at its list price, and one negative item for its discount.

    A coupon is not used: Stripe would round its percentage by rules of its own, and our discount is
    rounded already (R8).
    """
    for number, line in enumerate(invoice.lines.order_by("pk"), start=1):
        name = f"{line.model}, {line.kind} units, {line.get_type_display().lower()}"
        days = f"{line.unit_days:,} unit-days at {invoice.money(line.price_per_day)}"
        yield InvoiceItem(f"{number}", f"{name}: {days}", line.amount)
        if line.discount:
            percent = f"{plain(line.discount_percent)}%"
            yield InvoiceItem(f"{number} discount", f"{percent} discount on {name}", -line.discount)


def _header(sync: InvoiceSync, customer: str, now: datetime) -> InvoiceHeader:
    """Return the header. The Stripe invoice is due at the end of our due date.

    Stripe accepts no date in the past. If ours is past, after a long outage or in a sandbox, the
    Stripe invoice is due at once.
    """
    invoice = sync.invoice
    due_at = datetime.combine(invoice.due_on, time(23, 59, 59), UTC)
    is_past = due_at <= now + CLOCKS_APART
    return InvoiceHeader(
        number=invoice.display_number,
        description=f"Scale Tier, invoice {invoice.display_number}",
        customer=customer,
        currency=invoice.currency,
        due_at=None if is_past else due_at,
        metadata={
            "invoice": invoice.public_id,
            "organization": sync.organization.public_id,
            "number": str(invoice.number),
        },
        fields={
            "Period": f"{invoice.period_start} to {last_day(invoice.period_end)}",
            **printed_fields(Customer.read(invoice.billed_to)),
            **({"Was due": str(invoice.due_on)} if is_past else {}),
        },
    )


def _complete(sync: InvoiceSync, stripe_invoice: StripeInvoice, gateway: Gateway) -> StripeInvoice:
    """Add the missing lines in one request, so that the draft has all lines or none; return it."""
    present = gateway.labels(stripe_invoice.id)
    missing = [item for item in items(sync.invoice) if item.label not in present]
    if not missing:  # Another worker may have added them meanwhile.
        return gateway.read_invoice(stripe_invoice.id)
    return gateway.add_items(stripe_invoice.id, missing, key=_key(sync, "lines"))


def _check(invoice: Invoice, stripe_invoice: StripeInvoice) -> None:
    """Raises ProviderRejected if Stripe's total, which the customer pays, is not our total."""
    total, currency = stripe_invoice.total, stripe_invoice.currency
    if (total, currency) != (invoice.total, invoice.currency):
        raise ProviderRejected(
            f"Stripe's {stripe_invoice.id} adds up to {total} {currency}, "
            f"our invoice to {invoice.total} {invoice.currency} (minor units)."
        )


def _key(sync: InvoiceSync, step: str) -> str:
    """Return the idempotency key of one step: the same at each attempt of one generation."""
    key = f"{sync.invoice.public_id}:{step}"
    return f"{key}:{sync.generation}" if sync.generation else key
