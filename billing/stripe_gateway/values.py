"""What billing says to Stripe and hears from it, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StripeInvoice:
    """The fields of a Stripe invoice that billing uses. `total` is minor units."""

    id: str
    status: str
    total: int
    currency: str
    hosted_url: str


@dataclass(frozen=True, slots=True)
class StripeCustomer:
    """The details of a Stripe customer. `address` has lines, `country` is an ISO code."""

    name: str
    email: str
    address: str
    country: str
    fields: Mapping[str, str]
    """Custom fields, printed on invoices that have none of their own."""


@dataclass(frozen=True, slots=True)
class StripeTaxId:
    """A tax id of a Stripe customer."""

    id: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class InvoiceHeader:
    """A Stripe invoice without its lines. `due_at` is in the future, or None: due at once."""

    number: str
    """Empty: Stripe numbers it."""
    description: str
    customer: str
    currency: str
    due_at: datetime | None
    metadata: Mapping[str, str]
    fields: Mapping[str, str]
    """Custom fields, printed on the invoice."""


@dataclass(frozen=True, slots=True)
class InvoiceItem:
    """A line of a Stripe invoice, identified by its `label`. `amount` is minor units."""

    label: str
    description: str
    amount: int
