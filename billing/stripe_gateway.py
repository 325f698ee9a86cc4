"""The requests to Stripe that billing needs. No other module imports `stripe`.

Each method is one request or one listing, without rules. A failure raises one of two errors:
ProviderUnavailable can be retried, ProviderRejected needs a person.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import stripe
from django.conf import settings

if TYPE_CHECKING:
    from stripe.params import InvoiceCreateParams

TIMEOUT_SECONDS = 30
PAGE = 100
TEST_KEYS = ("sk_test_", "rk_test_")


class ProviderError(Exception):
    """A request to Stripe failed. `str()` is the reason, for operators."""


class ProviderUnavailable(ProviderError):
    """The same request may succeed later.

    `key_used_up`: Stripe stores its responses, errors included, under the idempotency key. If this
    error is a stored response, the next attempt needs another key. Otherwise the request may still
    be running, and only the same key is safe.
    """

    def __init__(self, reason: str, *, key_used_up: bool = False) -> None:
        super().__init__(reason)
        self.key_used_up = key_used_up


class ProviderRejected(ProviderError):
    """Stripe rejects the request, and will reject it again until a person changes something."""


class CustomerUnknown(ProviderRejected):
    """Stripe has no such customer: it was deleted, or the secret key is of another account."""


class BadSignature(Exception):
    """The webhook is not from Stripe, or not for us."""


@dataclass(frozen=True, slots=True)
class StripeInvoice:
    """The fields of a Stripe invoice that billing uses. `total` is minor units."""

    id: str
    status: str
    total: int
    currency: str
    hosted_url: str


@dataclass(frozen=True, slots=True)
class InvoiceHeader:
    """A Stripe invoice without its lines. `due_at` is in the future, or None: due at once."""

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


@dataclass(frozen=True, slots=True)
class Gateway:
    """A client for the Stripe account of one secret key."""

    client: stripe.StripeClient
    is_live: bool

    @classmethod
    def from_settings(cls) -> Self | None:
        """Return a gateway for `STRIPE_SECRET_KEY`; None if the setting is empty."""
        key = settings.STRIPE_SECRET_KEY
        if not key:
            return None
        client = _client(key, settings.STRIPE_API_BASE)
        # A key without the prefix of a test key may move money.
        return cls(client=client, is_live=not key.startswith(TEST_KEYS))

    def find_customer(self, organization: str, *, since: datetime) -> str | None:
        """Return the customer made for the organization at `since` or later, or None.

        It lists customers. Stripe's search may miss a customer that was created a minute ago, and
        then a second one would be created.
        """
        with _translated():
            customers = self.client.v1.customers.list(
                {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            for customer in customers.auto_paging_iter():
                if _metadata(customer).get("organization") == organization:
                    return customer.id
        return None

    def create_customer(self, organization: str, *, name: str, email: str, key: str) -> str:
        with _translated():
            return self.client.v1.customers.create(
                {"name": name, "email": email, "metadata": {"organization": organization}},
                {"idempotency_key": key},
            ).id

    def update_customer(self, customer: str, *, name: str, email: str) -> None:
        """Update name and email. It needs no key: a repeated update changes nothing."""
        with _translated(missing="id"):
            self.client.v1.customers.update(customer, {"name": name, "email": email})

    def find_invoice(self, customer: str, invoice: str) -> StripeInvoice | None:
        """Return the Stripe invoice with our invoice id, or None. It uses a listing too."""
        with _translated():
            invoices = self.client.v1.invoices.list({"customer": customer, "limit": PAGE})
            for stripe_invoice in invoices.auto_paging_iter():
                if _metadata(stripe_invoice).get("invoice") == invoice:
                    return _invoice(stripe_invoice)
        return None

    def create_invoice(self, header: InvoiceHeader, *, key: str) -> StripeInvoice:
        """Create a draft without lines, which Stripe does not finalize by itself."""
        params: InvoiceCreateParams = {
            "customer": header.customer,
            "currency": header.currency,
            "metadata": dict(header.metadata),
            "custom_fields": [
                {"name": name, "value": value} for name, value in header.fields.items()
            ],
            "collection_method": "send_invoice",
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
        }
        if header.due_at:
            params["due_date"] = int(header.due_at.timestamp())
        else:
            params["days_until_due"] = 0
        with _translated():
            return _invoice(self.client.v1.invoices.create(params, {"idempotency_key": key}))

    def read_invoice(self, invoice: str) -> StripeInvoice:
        with _translated():
            return _invoice(self.client.v1.invoices.retrieve(invoice))

    def labels(self, invoice: str) -> set[str]:
        """Return the labels of the lines that the invoice has already."""
        with _translated():
            lines = self.client.v1.invoices.line_items.list(invoice, {"limit": PAGE})
            return {_metadata(line).get("line", "") for line in lines.auto_paging_iter()}

    def add_items(self, invoice: str, items: Iterable[InvoiceItem], *, key: str) -> StripeInvoice:
        """Add lines to a draft, all of them or none."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.add_lines(
                    invoice,
                    {
                        "lines": [
                            {
                                "amount": item.amount,
                                "description": item.description,
                                "metadata": {"line": item.label},
                            }
                            for item in items
                        ]
                    },
                    {"idempotency_key": key},
                )
            )

    def finalize(self, invoice: str, *, key: str) -> StripeInvoice:
        """Finalize a draft. With a total of zero it is paid at once."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.finalize_invoice(
                    invoice, {"auto_advance": False}, {"idempotency_key": key}
                )
            )

    def send(self, invoice: str, *, key: str) -> StripeInvoice:
        """Have Stripe email it to the customer."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.send_invoice(invoice, {}, {"idempotency_key": key})
            )

    def pay_out_of_band(self, invoice: str, *, key: str) -> StripeInvoice:
        """Mark a finalized invoice as paid outside Stripe. Then nobody can pay it at Stripe."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.pay(
                    invoice, {"paid_out_of_band": True}, {"idempotency_key": key}
                )
            )


def verified_payload(payload: bytes, signature: str) -> str:
    """Return a webhook's body as text.

    Raises BadSignature unless Stripe signed it for us within the last five minutes.
    """
    secret = settings.STRIPE_WEBHOOK_SECRET
    if not secret:  # Anyone can sign with an empty secret.
        raise BadSignature("STRIPE_WEBHOOK_SECRET is not set.")
    try:
        text = payload.decode()
        stripe.WebhookSignature.verify_header(
            text, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE
        )
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error
    return text


def instant(timestamp: int) -> datetime:
    """Return the instant of a Stripe timestamp."""
    return datetime.fromtimestamp(timestamp, UTC)


@lru_cache(maxsize=4)
def _client(key: str, api_base: str) -> stripe.StripeClient:
    """Return one client for each process and key, so that connections are reused.

    It does not retry: retries are scheduled in the database, where they survive this process.
    """
    return stripe.StripeClient(
        key,
        base_addresses={"api": api_base.rstrip("/")} if api_base else None,
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


def _metadata(stripe_object: stripe.StripeObject) -> dict[str, str]:
    return stripe_object.to_dict().get("metadata") or {}


def _invoice(invoice: stripe.Invoice) -> StripeInvoice:
    return StripeInvoice(
        id=invoice.id,
        status=invoice.status or "",
        total=invoice.total,
        currency=invoice.currency,
        hosted_url=invoice.hosted_invoice_url or "",
    )


@contextmanager
def _translated(*, missing: str = "customer") -> Iterator[None]:
    """Convert errors of Stripe to ProviderError.

    `missing` is the request's parameter with the customer id: CustomerUnknown if Stripe lacks it.
    """
    try:
        yield
    except stripe.StripeError as error:
        is_missing = isinstance(error, stripe.InvalidRequestError) and (
            (error.code, error.param) == ("resource_missing", missing)
        )
        raise CustomerUnknown(_reason(error)) if is_missing else _provider_error(error) from error


def _provider_error(error: stripe.StripeError) -> ProviderError:
    status = error.http_status
    if status is None or status < 400:  # No response, or not from Stripe.
        return ProviderUnavailable("Stripe cannot be reached.")
    reason = _reason(error)
    if isinstance(error, stripe.IdempotencyError) and status != 409:
        # The key was used with other parameters: the code or the organization's name changed.
        return ProviderUnavailable(reason, key_used_up=True)
    if status in {409, 429} or status >= 500:
        replayed = (error.headers or {}).get("Idempotent-Replayed") == "true"
        return ProviderUnavailable(reason, key_used_up=replayed)
    return ProviderRejected(reason)


def _reason(error: stripe.StripeError) -> str:
    return f"Stripe: {error.user_message or error}"
