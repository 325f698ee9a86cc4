"""What tests of Stripe stand on: the stand-in behind the settings, and one invoice to send.

The stand-in is only ever reached over HTTP, by the same library and code as Stripe itself.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.test import Client, override_settings

from billing.models import Invoice, InvoiceSync, ProviderCustomer
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from billing.operations.provider_events import process_events
from capacity.operations.days import open_due_days
from scaletier.devserver.stripe.faults import Fault
from scaletier.devserver.stripe.server import StandIn
from scaletier.devserver.stripe.shapes import Object
from scaletier.devserver.stripe.webhooks import signature
from tests.cast import GPT, Acme, at, load_catalogue, make_acme

SECRET = "whsec_standin"
ISSUED = at("2026-02-01")
STEPS = 8
"""Requests that the first invoice of an organization takes."""


@dataclass(slots=True)
class Stripe:
    """The stand-in, with its clock at the time the test says it is."""

    stand_in: StandIn

    def goes_wrong(self, **fault: object) -> None:
        self.stand_in.faults.ask_for(Fault(**fault))  # type: ignore[arg-type]

    def is_at(self, now: datetime) -> None:
        self.stand_in.store.move_clock(now.timestamp())

    @property
    def invoices(self) -> list[Object]:
        return self.stand_in.store.all("invoice")

    @property
    def customers(self) -> list[Object]:
        return self.stand_in.store.all("customer")

    @property
    def calls(self) -> list[str]:
        """What was asked of it, as `POST /v1/customers`, ids left out."""
        return [
            f"{seen.method} {'/'.join(p for p in seen.path.split('/') if '_' not in p[:4])}"
            for seen in self.stand_in.seen
        ]

    def lines(self, invoice: Object) -> list[tuple[str, int]]:
        found = self.stand_in.store.all("line_item", invoice=invoice["id"])
        return [(line["description"], line["amount"]) for line in found]

    def mails(self) -> int:
        """How often it was told to mail an invoice."""
        return self.told("invoice.sent")

    def told(self, kind: str) -> int:
        """How many events of this kind there were."""
        return sum(event["type"] == kind for event in self.stand_in.store.all("event"))

    def event(self, kind: str) -> Object:
        """The last event of this kind."""
        return [event for event in self.stand_in.store.all("event") if event["type"] == kind][-1]


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
        stripe.is_at(ISSUED)
        yield stripe


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    with running_stripe() as running:
        yield running


@pytest.fixture
def acme() -> Acme:
    """Acme at 12.5% off, with one invoice issued on 2026-02-01."""
    load_catalogue()
    acme = make_acme(discount="12.5")
    acme.buys("2026-01-10", input=3, output=1)
    acme.buys("2026-01-31", GPT, input=1)
    open_due_days(organization=acme.organization, now=ISSUED)
    return acme


def invoice() -> Invoice:
    return Invoice.objects.select_related("payment", "sync").get()


def sync() -> InvoiceSync:
    return InvoiceSync.objects.get()


def send_until_nothing_is_due(now: datetime = ISSUED) -> list[SyncResult]:
    attempts = []
    while attempt := sync_next_invoice(now=now):
        attempts.append(attempt)
    return attempts


def send_until_it_is_settled(now: datetime = ISSUED) -> list[SyncResult]:
    """Knock whenever something is due, until it is sent or stands failed."""
    attempts: list[SyncResult] = []
    while attempt := sync_next_invoice(now=max(now, sync().next_attempt_at or now)):
        attempts.append(attempt)
        assert len(attempts) < 10, sync().last_error
    return attempts


def start_over() -> None:
    """As if the invoice had just been issued and nothing had ever been sent."""
    ProviderCustomer.objects.all().delete()
    InvoiceSync.objects.all().delete()
    InvoiceSync.objects.bulk_create(
        InvoiceSync(invoice=found, organization_id=found.organization_id)
        for found in Invoice.objects.all()
    )


def is_there_once(stripe: Stripe) -> None:
    """The point of it all: one Stripe invoice, with our lines and our total, and we know it."""
    ours = invoice()
    [theirs] = stripe.invoices
    assert [customer["id"] for customer in stripe.customers] == [theirs["customer"]]
    assert theirs["status"] == "open"
    assert theirs["total"] == theirs["amount_due"] == ours.total > 0
    assert sum(amount for _, amount in stripe.lines(theirs)) == ours.total
    assert len(stripe.lines(theirs)) == 2 * ours.lines.count()
    assert ours.sync.status == "synced"
    assert ours.sync.provider_id == theirs["id"]
    assert ours.sync.provider_total == ours.total
    assert ours.hosted_url == theirs["hosted_invoice_url"]


def tell(client: Client, event: Object, *, secret: str = SECRET) -> int:
    """Deliver an event as Stripe does; the status answered."""
    payload = json.dumps(event).encode()
    return client.post(
        "/webhooks/stripe",
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": signature(payload, secret)},
    ).status_code


def process(now: datetime = ISSUED) -> int:
    return process_events(now=now)
