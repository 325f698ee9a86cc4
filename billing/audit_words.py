"""The words of billing's audit entries, and the names and pages of what they are about."""

from collections.abc import Collection
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast
from django.urls import reverse

from accounts.models import Organization
from accounts.queries.audit_words import (
    FieldWords,
    Subject,
    register_actions,
    register_fields,
    subjects_of,
)
from billing.domain.invoice_numbers import display_number
from billing.domain.money import Money
from billing.models import Invoice, OrderForm
from common.days import last_day

register_actions(
    "Order forms",
    {
        "order_form.created": ("Order form made", "Made an order form from {starts_on} on"),
        "order_form.signed": ("Order form signed", "Signed the {subject} as “{signed_name}”"),
        "order_form.terminated": (
            "Order form ended early",
            "Ended the {subject} early; last day {after[ends_on]}",
        ),
        "orderform.created": (
            "Order form made by an operator",
            "Made an order form from {starts_on} on",
        ),
        "orderform.changed": ("Order form changed by an operator", "Changed the {subject}"),
        "modeldiscount.created": (
            "Discount on a model added",
            "Set the discount on {model} to {discount_percent}",
        ),
        "modeldiscount.changed": (
            "Discount on a model changed",
            "Set the discount on {model} to {discount_percent}",
        ),
        "modeldiscount.deleted": (
            "Discount on a model removed",
            "Removed the discount on {model}, {discount_percent}",
        ),
    },
)
register_actions(
    "Limits",
    {"limit.set": ("Spend limit set", "Set the spend limit of {subject} to {after[amount]}")},
)
register_actions(
    "Billing details",
    {
        "billing_details.set": ("Billing details set", "Set the billing details"),
        "billing_details.sent": ("Billing details sent", "Sent the billing details to Stripe"),
        "billing_details.send_again": (
            "Billing details sent again",
            "Had the billing details sent to Stripe again",
        ),
        "billing_details.sending_failed": (
            "Billing details not sent",
            "Could not send the billing details to Stripe",
        ),
        "invoice_prefix.set": (
            "Prefix of invoices set",
            "Set the prefix of invoice numbers to {invoice_prefix}",
        ),
        "billingaccount.changed": (
            "Billing account changed by an operator",
            "Set the prefix of invoice numbers to {invoice_prefix}",
        ),
    },
)
register_actions(
    "Invoices and payments",
    {
        "invoice.issued": ("Invoice issued", "Issued {subject} of {total}"),
        "invoice.paid": ("Invoice paid", "{subject} became paid"),
        "invoice.void": ("Invoice voided", "{subject} became void"),
        "invoice.uncollectible": ("Invoice uncollectible", "{subject} became uncollectible"),
        "invoice.payment_failed": ("Payment failed", "A payment of {subject} failed"),
        "invoice.sent": ("Invoice sent to Stripe", "Sent {subject} to Stripe"),
        "invoice.payment_told": ("Payment told to Stripe", "Told Stripe that {subject} is paid"),
        "invoice.send_again": ("Invoice sent again", "Had {subject} sent to Stripe again"),
        "invoice.sending_failed": ("Invoice not sent", "Could not send {subject} to Stripe"),
        "invoice.sending_needless": (
            "Invoice need not be sent",
            "{subject} was paid before it reached Stripe",
        ),
        "provider_event.retried": (
            "Event of Stripe processed again",
            "Had the event {subject} of Stripe processed again",
        ),
    },
)


def money_in_words(value: Any) -> str:
    """Return an amount: minor units of the installation's currency, or a document of the API."""
    if isinstance(value, dict):
        return str(Money(**value))
    return str(Money(int(value), settings.CURRENCY))


def money(label: str) -> FieldWords:
    """Return the words of a value that is an amount of money."""
    return FieldWords(label, money_in_words)


def _last_day(value: str) -> str:
    return f"{last_day(date.fromisoformat(value))} UTC"


def _percentages(value: list[int]) -> str:
    return ", ".join(f"{percent}%" for percent in value)


register_fields(
    {
        "amount": money("Amount"),
        "limit.set:amount": money("Limit a period"),
        "total": money("Total"),
        "hard": FieldWords("Kind of limit", lambda is_hard: "hard" if is_hard else "soft"),
        "alerts": FieldWords("Alerts at", _percentages),
        "discount_percent": FieldWords("Discount", lambda percent: f"{percent}%"),
        "starts_on": FieldWords("First day", lambda value: f"{value} UTC"),
        "ends_on": FieldWords("Last day", _last_day),
        "days_until_due": FieldWords("Days until an invoice is due"),
        "anchor_day": FieldWords("First day of invoice periods"),
        "signed_name": FieldWords("Signed as"),
        "stripe_invoice": FieldWords("Invoice at Stripe"),
        "invoice_prefix": FieldWords("Prefix of invoice numbers"),
        "tax_id": FieldWords("Tax id"),
    }
)


@subjects_of("inv_", "of_")
def billing_subjects(organization: Organization | None, ids: Collection[str]) -> dict[str, Subject]:
    """Return invoices and order forms by their public ids."""
    own = {"organization": organization} if organization else {}
    invoices: QuerySet[Any, tuple[str, str, int]] = Invoice.objects.filter(
        public_id__in=ids, **own
    ).values_list("public_id", "organization__billing__invoice_prefix", "number")
    forms: QuerySet[Any, tuple[str, str, int]] = OrderForm.objects.filter(
        public_id__in=ids, **own
    ).values_list("public_id", Cast("starts_on", CharField()), Value(0))
    found = invoices.union(forms, all=True)
    return {key: _subject(organization, key, text, number) for key, text, number in found}


def _subject(organization: Organization | None, key: str, text: str, number: int) -> Subject:
    if key.startswith("of_"):
        url = reverse("read_order_form", args=[organization.public_id, key]) if organization else ""
        return Subject(f"order form from {text}", url)
    url = reverse("invoice", args=[organization.public_id, key]) if organization else ""
    return Subject(f"invoice {display_number(text, number)}", url)
