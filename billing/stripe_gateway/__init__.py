"""The requests to Stripe that billing needs. No other module imports `stripe`.

The library is imported where it is first used, as most processes never send Stripe anything: it
brings every HTTP client that it finds, a third of the time in which a process starts.

Each method is one request or one listing, without rules. A failure raises one of two errors:
ProviderUnavailable can be retried, ProviderRejected needs a person.
"""

from billing.stripe_gateway.client import Gateway
from billing.stripe_gateway.errors import (
    BadSignature,
    CustomerUnknown,
    NumberTaken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from billing.stripe_gateway.values import (
    InvoiceHeader,
    InvoiceItem,
    StripeCustomer,
    StripeInvoice,
    StripeTaxId,
)
from billing.stripe_gateway.webhooks import instant, verified_payload

__all__ = [
    "BadSignature",
    "CustomerUnknown",
    "Gateway",
    "InvoiceHeader",
    "InvoiceItem",
    "NumberTaken",
    "ProviderError",
    "ProviderRejected",
    "ProviderUnavailable",
    "StripeCustomer",
    "StripeInvoice",
    "StripeTaxId",
    "instant",
    "verified_payload",
]
