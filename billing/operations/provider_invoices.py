"""One issued invoice as one Stripe invoice. No transaction is open here: this talks to Stripe."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from billing.models import Dispatch, Invoice, Settlement, SettlementStatus
from billing.operations.provider_customers import CLOCKS_APART, customer_of
from billing.stripe_gateway import Gateway, Header, Item, Refused, StripeInvoice

PAYABLE = {"open", "uncollectible"}
"""What an invoice stands at, at Stripe, as long as its hosted page takes payments."""


def bring_about(dispatch: Dispatch, gateway: Gateway, now: datetime) -> StripeInvoice:
    """The Stripe invoice as it has to be: sent, or, if ours is settled, settled like it.

    Raises ProviderError.
    """
    if gateway.is_live and dispatch.organization.is_sandbox:
        raise Refused("A sandbox never reaches Stripe's live mode; a test key sends it.")
    if settled(dispatch.invoice.settlement):
        return _settle(dispatch, gateway)
    return _send(dispatch, gateway, now)


def settled(settlement: Settlement) -> bool:
    """Whether nothing is owed any more; nobody is asked to pay what is recorded as paid."""
    return SettlementStatus(settlement.status).is_final


def _send(dispatch: Dispatch, gateway: Gateway, now: datetime) -> StripeInvoice:
    """One Stripe invoice, with exactly our lines, final and mailed; from wherever it stands.

    Killed after Stripe mailed it and resumed more than 24 hours later, Stripe mails the same
    invoice once more.
    """
    invoice = dispatch.invoice
    customer = customer_of(dispatch.organization, gateway, now)
    found = gateway.find_invoice(customer, invoice.public_id)
    if found is None:
        header = _header(dispatch, customer, now)
        found = gateway.create_invoice(header, key=_key(dispatch, "create"))
    # Written down at once: events about it may come in from now on.
    Dispatch.objects.filter(pk=dispatch.pk).update(provider_id=found.id)
    if found.status == "draft":
        found = _complete(dispatch, found, gateway)
    _check(invoice, found)
    if found.status == "draft":
        found = gateway.finalize(found.id, key=_key(dispatch, "finalize"))
        _check(invoice, found)
    if found.status == "open":
        found = gateway.send(found.id, key=_key(dispatch, "send"))
    return found


def _settle(dispatch: Dispatch, gateway: Gateway) -> StripeInvoice:
    """Paid outside Stripe, unless it is settled there already, which is as good: void included.

    Void is only ever Stripe's own word, so what can still be paid there is paid here.
    """
    found = gateway.read_invoice(dispatch.provider_id)
    if found.status == "draft":
        raise Refused(f"Nothing is owed any more; {found.id} is left a draft at Stripe.")
    if found.status not in PAYABLE:
        return found
    try:
        return gateway.pay_out_of_band(found.id, key=_key(dispatch, "pay"))
    except Refused:  # Perhaps the customer was quicker.
        found = gateway.read_invoice(dispatch.provider_id)
        if found.status in PAYABLE:
            raise
        return found


def items(invoice: Invoice) -> Iterator[Item]:
    """Each line at its list price and, where it has one, its discount as a line of its own.

    Negative lines rather than coupons: a coupon's percentage would be rounded by Stripe's rules,
    and ours is right to the cent already (R8).
    """
    for number, line in enumerate(invoice.lines.order_by("pk"), start=1):
        what = f"{line.model}, {line.kind} units, {line.get_type_display().lower()}"
        days = f"{line.unit_days:,} unit-days at {invoice.money(line.price_per_day)}"
        yield Item(f"{number}", f"{what}: {days}", line.amount)
        if line.discount:
            percent = f"{line.discount_percent.normalize():f}%"
            yield Item(f"{number} discount", f"{percent} discount on {what}", -line.discount)


def _header(dispatch: Dispatch, customer: str, now: datetime) -> Header:
    """Due at the end of our due date. Stripe takes no date that is past, as it may be after a long
    outage or in a sandbox's own time: then it is due at once."""
    invoice = dispatch.invoice
    due_at = datetime.combine(invoice.due_on, time(23, 59, 59), UTC)
    is_past = due_at <= now + CLOCKS_APART
    last_day = invoice.period_end - timedelta(days=1)
    return Header(
        customer=customer,
        currency=invoice.currency,
        due_at=None if is_past else due_at,
        metadata={
            "invoice": invoice.public_id,
            "organization": dispatch.organization.public_id,
            "number": str(invoice.number),
        },
        fields={
            "Invoice": str(invoice.number),
            "Period": f"{invoice.period_start} to {last_day}",
            **({"Was due": str(invoice.due_on)} if is_past else {}),
        },
    )


def _complete(dispatch: Dispatch, found: StripeInvoice, gateway: Gateway) -> StripeInvoice:
    """Add the lines that the draft lacks. They go in together, so that it has all or none."""
    present = gateway.labels(found.id)
    missing = [item for item in items(dispatch.invoice) if item.label not in present]
    if not missing:  # Put there since it was found, perhaps, by another sender.
        return gateway.read_invoice(found.id)
    return gateway.add_items(found.id, missing, key=_key(dispatch, "lines"))


def _check(invoice: Invoice, found: StripeInvoice) -> None:
    """Stripe's figure is what the customer pays; it goes out only if it is ours."""
    if (found.total, found.currency) != (invoice.total, invoice.currency):
        raise Refused(
            f"Stripe's {found.id} adds up to {found.total} {found.currency}, "
            f"our invoice to {invoice.total} {invoice.currency} (minor units)."
        )


def _key(dispatch: Dispatch, step: str) -> str:
    """Of one step of one invoice: the same at every attempt until Stripe's answer is stale."""
    key = f"{dispatch.invoice.public_id}:{step}"
    return f"{key}:{dispatch.generation}" if dispatch.generation else key
