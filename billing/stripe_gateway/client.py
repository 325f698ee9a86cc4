"""The requests that billing makes to Stripe."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, cast

from django.conf import settings

from billing.stripe_gateway.errors import translated
from billing.stripe_gateway.values import (
    InvoiceHeader,
    InvoiceItem,
    StripeCustomer,
    StripeInvoice,
    StripeTaxId,
)

if TYPE_CHECKING:
    import stripe
    from stripe.params import CustomerCreateParams, InvoiceCreateParams

TIMEOUT_SECONDS = 30
PAGE = 100
TEST_KEYS = ("sk_test_", "rk_test_")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A client for the Stripe account of one secret key."""

    client: "stripe.StripeClient"
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
        with translated():
            customers = self.client.v1.customers.list(
                {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            for customer in customers.auto_paging_iter():
                if _metadata(customer).get("organization") == organization:
                    return customer.id
        return None

    def create_customer(self, organization: str, details: StripeCustomer, *, key: str) -> str:
        params = _customer(details)
        params["metadata"] = {"organization": organization}
        with translated():
            return self.client.v1.customers.create(params, {"idempotency_key": key}).id

    def update_customer(self, customer: str, details: StripeCustomer) -> None:
        """Update the details. It needs no key: a repeated update changes nothing."""
        with translated():
            self.client.v1.customers.update(customer, cast("Any", _customer(details)))

    def tax_ids(self, customer: str) -> list[StripeTaxId]:
        """Return the tax ids of a customer."""
        with translated():
            tax_ids = self.client.v1.customers.tax_ids.list(customer, {"limit": PAGE})
            return [
                StripeTaxId(tax_id.id, tax_id.type, tax_id.value)
                for tax_id in tax_ids.auto_paging_iter()
            ]

    def create_tax_id(self, customer: str, kind: str, value: str, *, key: str) -> None:
        """Add a tax id. Stripe refuses one whose form is not that of its type."""
        with translated():
            self.client.v1.customers.tax_ids.create(
                customer, {"type": kind, "value": value}, {"idempotency_key": key}
            )

    def delete_tax_id(self, customer: str, tax_id: str) -> None:
        """Delete a tax id. One that is gone already, by another worker, is left so."""
        import stripe  # noqa: PLC0415

        with translated():
            try:
                self.client.v1.customers.tax_ids.delete(customer, tax_id)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise

    def find_invoice(self, customer: str, invoice: str) -> StripeInvoice | None:
        """Return the Stripe invoice with our invoice id, or None. It uses a listing too."""
        with translated():
            invoices = self.client.v1.invoices.list({"customer": customer, "limit": PAGE})
            for stripe_invoice in invoices.auto_paging_iter():
                if _metadata(stripe_invoice).get("invoice") == invoice:
                    return _invoice(stripe_invoice)
        return None

    def create_invoice(self, header: InvoiceHeader, *, key: str) -> StripeInvoice:
        """Create a draft without lines, which Stripe does not finalize by itself.

        Raises NumberTaken if another invoice of the account has the number.
        """
        params: InvoiceCreateParams = {
            "customer": header.customer,
            "description": header.description,
            "currency": header.currency,
            "metadata": dict(header.metadata),
            "custom_fields": [
                {"name": name, "value": value} for name, value in header.fields.items()
            ],
            "collection_method": "send_invoice",
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
        }
        if header.number:
            params["number"] = header.number
        if header.due_at:
            params["due_date"] = int(header.due_at.timestamp())
        else:
            params["days_until_due"] = 0
        with translated():
            return _invoice(self.client.v1.invoices.create(params, {"idempotency_key": key}))

    def read_invoice(self, invoice: str) -> StripeInvoice:
        with translated():
            return _invoice(self.client.v1.invoices.retrieve(invoice))

    def labels(self, invoice: str) -> set[str]:
        """Return the labels of the lines that the invoice has already."""
        with translated():
            lines = self.client.v1.invoices.line_items.list(invoice, {"limit": PAGE})
            return {_metadata(line).get("line", "") for line in lines.auto_paging_iter()}

    def add_items(self, invoice: str, items: Iterable[InvoiceItem], *, key: str) -> StripeInvoice:
        """Add lines to a draft, all of them or none."""
        with translated():
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
        with translated():
            return _invoice(
                self.client.v1.invoices.finalize_invoice(
                    invoice, {"auto_advance": False}, {"idempotency_key": key}
                )
            )

    def send(self, invoice: str, *, key: str) -> StripeInvoice:
        """Have Stripe email it to the customer."""
        with translated():
            return _invoice(
                self.client.v1.invoices.send_invoice(invoice, {}, {"idempotency_key": key})
            )

    def pay_out_of_band(self, invoice: str, *, key: str) -> StripeInvoice:
        """Mark a finalized invoice as paid outside Stripe. Then nobody can pay it at Stripe."""
        with translated():
            return _invoice(
                self.client.v1.invoices.pay(
                    invoice, {"paid_out_of_band": True}, {"idempotency_key": key}
                )
            )


@lru_cache(maxsize=4)
def _client(key: str, api_base: str) -> "stripe.StripeClient":
    """Return one client for each process and key, so that connections are reused.

    It does not retry: retries are scheduled in the database, where they survive this process.
    """
    import stripe  # noqa: PLC0415

    return stripe.StripeClient(
        key,
        base_addresses={"api": api_base.rstrip("/")} if api_base else None,
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
    )


def _customer(details: StripeCustomer) -> "CustomerCreateParams":
    """Return the parameters of a customer. An empty text takes what was there before away.

    Stripe has parts of an address where we have lines: the first line is its first, the others
    are its second. Town and postal code are in them, and not in fields of their own.
    """
    first, *others = details.address.split("\n")
    params: CustomerCreateParams = {
        "name": details.name,
        "email": details.email,
        "address": "",
        "invoice_settings": {
            "custom_fields": [
                {"name": name, "value": value} for name, value in details.fields.items()
            ]
            or "",
        },
    }
    if details.address:
        params["address"] = {
            "line1": first,
            "line2": ", ".join(others),
            "country": details.country,
        }
    return params


def _metadata(stripe_object: "stripe.StripeObject") -> dict[str, str]:
    return stripe_object.to_dict().get("metadata") or {}


def _invoice(invoice: "stripe.Invoice") -> StripeInvoice:
    return StripeInvoice(
        id=invoice.id,
        status=invoice.status or "",
        total=invoice.total,
        currency=invoice.currency,
        hosted_url=invoice.hosted_invoice_url or "",
    )
