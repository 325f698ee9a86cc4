"""Stripe, as far as billing needs it. The only module that imports `stripe`.

One method is one request (or one listing); none of them decides anything. What goes wrong comes
out as one of two errors, told apart by what to do next: try again, or let a person look.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, cast

import stripe
from django.conf import settings

if TYPE_CHECKING:
    from stripe.params import InvoiceCreateParams

TIMEOUT_SECONDS = 30
PAGE = 100
TEST_KEYS = ("sk_test_", "rk_test_")


class ProviderError(Exception):
    """Stripe did not do it; `str()` says why, for operators."""


class Unavailable(ProviderError):  # noqa: N818 - a state of affairs
    """It may work later, unchanged.

    `key_used_up`: Stripe keeps its answers under the idempotency key, errors of its own included;
    this one came from there, so the next attempt needs another key. Otherwise the request may
    still be under way, and only the same key is safe.
    """

    def __init__(self, reason: str, *, key_used_up: bool = False) -> None:
        super().__init__(reason)
        self.key_used_up = key_used_up


class Refused(ProviderError):  # noqa: N818 - an answer
    """Trying again changes nothing until a person has changed something."""


class CustomerUnknown(Refused):
    """Stripe has no such customer (any more): deleted there, or the account is another one."""


class BadSignature(Exception):  # noqa: N818 - an answer
    """Not from Stripe, or not for us."""


@dataclass(frozen=True, slots=True)
class StripeInvoice:
    """What we need to know of an invoice at Stripe; its total in minor units."""

    id: str
    status: str
    total: int
    currency: str
    hosted_url: str


@dataclass(frozen=True, slots=True)
class Header:
    """An invoice without its lines. Due at once without `due_at`, which has to be in the future."""

    customer: str
    currency: str
    due_at: datetime | None
    metadata: Mapping[str, str]
    fields: Mapping[str, str]
    """Printed on it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an invoice at Stripe; `label` tells it apart within its invoice."""

    label: str
    description: str
    amount: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """Stripe's account behind one secret key."""

    client: stripe.StripeClient
    is_live: bool

    @classmethod
    def from_settings(cls) -> Self | None:
        """None without `STRIPE_SECRET_KEY`: there is nobody to send anything to."""
        key = settings.STRIPE_SECRET_KEY
        if not key:
            return None
        client = _client(key, settings.STRIPE_API_BASE)
        # Whatever does not say that it is a test key may move money.
        return cls(client=client, is_live=not key.startswith(TEST_KEYS))

    def find_customer(self, organization: str, *, since: datetime) -> str | None:
        """The customer made for the organization, if one was, at `since` or later.

        A listing, not Stripe's search: a search may miss what was made a minute ago, and a second
        customer would follow.
        """
        with _translated():
            made = self.client.v1.customers.list(
                {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            for customer in made.auto_paging_iter():
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
        """Needs no key: saying it twice leaves the same."""
        with _translated(missing="id"):
            self.client.v1.customers.update(customer, {"name": name, "email": email})

    def find_invoice(self, customer: str, invoice: str) -> StripeInvoice | None:
        """The customer's Stripe invoice for our invoice, if it was made; a listing as above."""
        with _translated():
            made = self.client.v1.invoices.list({"customer": customer, "limit": PAGE})
            for found in made.auto_paging_iter():
                if _metadata(found).get("invoice") == invoice:
                    return _invoice(found)
        return None

    def create_invoice(self, header: Header, *, key: str) -> StripeInvoice:
        """An empty draft that Stripe leaves alone until it is told to go on."""
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
        """Labels of the lines that the invoice has already."""
        with _translated():
            lines = self.client.v1.invoices.line_items.list(invoice, {"limit": PAGE})
            return {_metadata(line).get("line", "") for line in lines.auto_paging_iter()}

    def add_items(self, invoice: str, items: Iterable[Item], *, key: str) -> StripeInvoice:
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
        """Make a draft final. One without anything to pay is paid by that."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.finalize_invoice(
                    invoice, {"auto_advance": False}, {"idempotency_key": key}
                )
            )

    def send(self, invoice: str, *, key: str) -> StripeInvoice:
        """Have Stripe mail it to the customer."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.send_invoice(invoice, {}, {"idempotency_key": key})
            )

    def pay_out_of_band(self, invoice: str, *, key: str) -> StripeInvoice:
        """Mark a final invoice as paid outside Stripe: no money moves, nobody can pay it again."""
        with _translated():
            return _invoice(
                self.client.v1.invoices.pay(
                    invoice, {"paid_out_of_band": True}, {"idempotency_key": key}
                )
            )


def verified_event(payload: bytes, signature: str) -> dict[str, Any]:
    """The event in a webhook's body. Raises BadSignature unless Stripe signed it lately, for us."""
    secret = settings.STRIPE_WEBHOOK_SECRET
    if not secret:  # Anyone can sign with an empty secret.
        raise BadSignature("STRIPE_WEBHOOK_SECRET is not set.")
    try:
        text = payload.decode()
        stripe.WebhookSignature.verify_header(
            text, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE
        )
        event = json.loads(text)
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error
    if event.get("object") != "event":
        raise BadSignature("Signed, but not a snapshot event.")
    return cast(dict[str, Any], event)


def instant(timestamp: int) -> datetime:
    """Of a timestamp as Stripe writes it."""
    return datetime.fromtimestamp(timestamp, UTC)


@lru_cache(maxsize=4)
def _client(key: str, api_base: str) -> stripe.StripeClient:
    """One client a process and account: it keeps its connections. We do the retrying ourselves,
    from the database, where it outlives this process."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": api_base.rstrip("/")} if api_base else None,
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


def _metadata(found: stripe.StripeObject) -> dict[str, str]:
    return found.to_dict().get("metadata") or {}


def _invoice(found: stripe.Invoice) -> StripeInvoice:
    return StripeInvoice(
        id=found.id,
        status=found.status or "",
        total=found.total,
        currency=found.currency,
        hosted_url=found.hosted_invoice_url or "",
    )


@contextmanager
def _translated(*, missing: str = "customer") -> Iterator[None]:
    """Errors in our words; `missing` is the parameter by which Stripe knows no such customer."""
    try:
        yield
    except stripe.StripeError as error:
        is_missing = isinstance(error, stripe.InvalidRequestError) and (
            (error.code, error.param) == ("resource_missing", missing)
        )
        raise CustomerUnknown(_reason(error)) if is_missing else _meaning(error) from error


def _meaning(error: stripe.StripeError) -> ProviderError:
    status = error.http_status
    if status is None or status < 400:  # No answer, or none of Stripe's.
        return Unavailable("Stripe cannot be reached.")
    reason = _reason(error)
    if isinstance(error, stripe.IdempotencyError) and status != 409:
        # We said something else under this key, before a deployment or a change of name.
        return Unavailable(reason, key_used_up=True)
    if status in {409, 429} or status >= 500:
        replayed = (error.headers or {}).get("Idempotent-Replayed") == "true"
        return Unavailable(reason, key_used_up=replayed)
    return Refused(reason)


def _reason(error: stripe.StripeError) -> str:
    return f"Stripe: {error.user_message or error}"
