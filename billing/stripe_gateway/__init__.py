"""The requests to Stripe that billing needs. No other module imports `stripe`.

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
