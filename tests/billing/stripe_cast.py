"""Stripe for tests: the stand-in, and what tests do with it and with the one issued invoice.

The product reaches the stand-in over HTTP alone, by the same library and code as Stripe itself.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.test import Client, override_settings

from billing.models import Invoice, InvoiceSync, ProviderCustomer
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from scaletier.devserver.stripe.faults import Fault
from scaletier.devserver.stripe.server import StandIn
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.webhooks import signature
from tests.cast import at

SECRET = "whsec_standin"
ISSUED = at("2026-02-01")
STEPS = 8
"""Requests that it takes to sync the first invoice of an organization."""


@dataclass(slots=True)
class Stripe:
    """The stand-in, with its clock at the time that the test says."""

    stand_in: StandIn

    def inject_fault(self, **fault: object) -> None:
        self.stand_in.faults.ask_for(Fault(**fault))  # type: ignore[arg-type]

    def set_clock(self, now: datetime) -> None:
        self.stand_in.store.move_clock(now.timestamp())

    @property
    def invoices(self) -> list[Object]:
        return self.stand_in.store.all("invoice")

    @property
    def invoice(self) -> Object:
        """The only invoice."""
        [stripe_invoice] = self.invoices
        return stripe_invoice

    @property
    def statuses(self) -> list[str]:
        """The status of each invoice."""
        return [stripe_invoice["status"] for stripe_invoice in self.invoices]

    @property
    def customers(self) -> list[Object]:
        return self.stand_in.store.all("customer")

    @property
    def requests(self) -> list[str]:
        """The requests it received, as `POST /v1/customers`, without the ids in their paths."""
        return [
            f"{request.method} "
            + "/".join(part for part in request.path.split("/") if "_" not in part[:4])
            for request in self.stand_in.seen
        ]

    def lines(self, stripe_invoice: Object) -> list[tuple[str, int]]:
        """Description and amount of each line."""
        lines = self.stand_in.store.all("line_item", invoice=stripe_invoice["id"])
        return [(line["description"], line["amount"]) for line in lines]

    def count_emails(self) -> int:
        """How often Stripe emailed an invoice."""
        return self.count_events("invoice.sent")

    def count_events(self, event_type: str) -> int:
        return sum(event["type"] == event_type for event in self.stand_in.store.all("event"))

    def last_event(self, event_type: str) -> Object:
        events = self.stand_in.store.all("event")
        return [event for event in events if event["type"] == event_type][-1]


@contextmanager
def running_stripe() -> Iterator[Stripe]:
    with (
        StandIn() as stand_in,
        override_settings(
            STRIPE_SECRET_KEY="sk_test_standin",
            STRIPE_API_BASE=stand_in.url,
            STRIPE_WEBHOOK_SECRET=SECRET,
        ),
    ):
        stripe = Stripe(stand_in)
        stripe.set_clock(ISSUED)
        yield stripe


def get_invoice() -> Invoice:
    """The only invoice, read anew with its payment and its sync."""
    return Invoice.objects.select_related("payment", "sync").get()


def get_sync() -> InvoiceSync:
    return InvoiceSync.objects.get()


def sync_due_invoices(now: datetime = ISSUED) -> list[SyncResult]:
    """Sync until nothing is due at `now`; return the results."""
    results = []
    while result := sync_next_invoice(now=now):
        results.append(result)
    return results


def sync_until_settled(now: datetime = ISSUED) -> list[SyncResult]:
    """Sync at each time when it is due, until it is synced or failed; return the results."""
    results: list[SyncResult] = []
    while result := sync_next_invoice(now=max(now, get_sync().next_attempt_at or now)):
        results.append(result)
        assert len(results) < 10, get_sync().last_error
    return results


def start_over() -> None:
    """Bring the invoice back to when it was just issued and Stripe knew nothing."""
    ProviderCustomer.objects.all().delete()
    InvoiceSync.objects.all().delete()
    InvoiceSync.objects.bulk_create(
        InvoiceSync(invoice=invoice, organization_id=invoice.organization_id)
        for invoice in Invoice.objects.all()
    )


def assert_synced_once(stripe: Stripe) -> None:
    """There is one Stripe invoice, with our lines and our total, and the sync says so."""
    invoice, stripe_invoice = get_invoice(), stripe.invoice
    assert [customer["id"] for customer in stripe.customers] == [stripe_invoice["customer"]]
    assert stripe_invoice["status"] == "open"
    assert stripe_invoice["total"] == stripe_invoice["amount_due"] == invoice.total > 0
    assert sum(amount for _, amount in stripe.lines(stripe_invoice)) == invoice.total
    assert len(stripe.lines(stripe_invoice)) == 2 * invoice.lines.count()
    assert invoice.sync.status == "synced"
    assert invoice.sync.provider_id == stripe_invoice["id"]
    assert invoice.sync.provider_total == invoice.total
    assert invoice.hosted_url == stripe_invoice["hosted_invoice_url"]


def deliver(
    client: Client,
    event: Object | bytes,
    *,
    secret: str = SECRET,
    signed_at: int | None = None,
) -> int:
    """Deliver an event, or a raw body, as Stripe does; return the status of the response."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    return client.post(
        "/webhooks/stripe",
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": signature(payload, secret, signed_at)},
    ).status_code
