"""What Stripe tells us: verified, stored once, and the same end whatever the order."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, OutboundEmail
from billing.models import InvoicePayment, ProviderEvent
from billing.operations.invoice_sync import sync_next_invoice
from billing.queries.payments import long_overdue_payments
from scaletier.devserver.stripe.shapes import Object
from tests.billing.stripe_cast import (
    ISSUED,
    SECRET,
    Stripe,
    acme,
    invoice,
    process,
    stripe,
    tell,
)
from tests.cast import Acme, day

__all__ = ["acme", "stripe"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(acme: Acme, stripe: Stripe) -> Stripe:
    """Stripe, with Acme's invoice open."""
    sync_next_invoice(now=ISSUED)
    return stripe


def happens(stripe: Stripe, *actions: str) -> list[Object]:
    """Press these buttons of the hosted page; the events that follow."""
    before = len(stripe.stand_in.store.all("event"))
    for action in actions:
        stripe.stand_in.act(stripe.invoices[0], action)
    return stripe.stand_in.store.all("event")[before:]


def payment() -> InvoicePayment:
    return InvoicePayment.objects.get()


def test_a_paid_invoice_is_paid(sent: Stripe, client: Client) -> None:
    [paid] = happens(sent, "pay")
    assert tell(client, paid) == 200
    assert process() == 1
    assert payment().status == "paid"
    assert payment().status_changed_at == datetime.fromtimestamp(paid["created"], UTC)
    entry = AuditEntry.objects.get(action="invoice.paid")
    assert (entry.source, entry.subject) == ("stripe", invoice().public_id)
    assert entry.before == {"status": "open"}
    assert entry.after == {"status": "paid"}


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (["void"], "void"),
        (["uncollectible"], "uncollectible"),
        (["uncollectible", "pay"], "paid"),
        (["uncollectible", "void"], "void"),
        (["fail", "pay"], "paid"),
        (["fail", "fail"], "open"),
        (["fail", "uncollectible", "fail", "pay"], "paid"),
    ],
    ids=lambda value: " then ".join(value) if isinstance(value, list) else value,
)
def test_in_any_order_and_repeated_it_ends_the_same(
    sent: Stripe, client: Client, actions: list[str], status: str
) -> None:
    events = happens(sent, *actions)
    for order in permutations(events):
        InvoicePayment.objects.update(status="open", status_changed_at=None, payment_failed_at=None)
        ProviderEvent.objects.all().delete()
        for event in [*order, *order]:
            assert tell(client, event) == 200
            process()
        assert payment().status == status
        assert ProviderEvent.objects.count() == len(events)
        assert not ProviderEvent.objects.filter(processed_at=None).exists()


def test_a_repeated_event_has_its_effect_once(sent: Stripe, client: Client) -> None:
    [paid] = happens(sent, "pay")
    for _ in range(3):
        assert tell(client, paid) == 200
        process()
    assert AuditEntry.objects.filter(action="invoice.paid").count() == 1
    assert process() == 0


def test_a_failed_payment_leaves_it_open_and_is_told_once(sent: Stripe, client: Client) -> None:
    for event in happens(sent, "fail", "fail"):
        tell(client, event)
    process()
    assert payment().status == "open"
    assert payment().payment_failed_at is not None
    [notice] = OutboundEmail.objects.filter(kind="payment_failed")
    assert notice.about == invoice().public_id


def test_a_payment_that_failed_is_not_told_of_once_it_is_paid(sent: Stripe, client: Client) -> None:
    failed, paid = happens(sent, "fail", "pay")
    for event in (paid, failed):
        tell(client, event)
        process()
    assert not OutboundEmail.objects.filter(kind="payment_failed").exists()
    assert ProviderEvent.objects.get(event_id=failed["id"]).outcome == "ignored: paid already"


def test_what_nothing_follows_from_is_stored_and_left(sent: Stripe, client: Client) -> None:
    assert tell(client, sent.event("customer.created")) == 200
    process()
    stored = ProviderEvent.objects.get()
    assert stored.type == "customer.created"
    assert stored.outcome == "ignored: nothing follows from it"


def test_a_copy_of_our_invoice_made_at_stripe_is_not_ours(sent: Stripe, client: Client) -> None:
    [paid] = happens(sent, "pay")
    paid["data"]["object"]["id"] = "in_a_copy"
    tell(client, paid)
    process()
    assert payment().status == "open"
    assert ProviderEvent.objects.get().outcome == "ignored: no invoice of ours"


@pytest.mark.parametrize("secret", ["whsec_of_someone_else", ""])
def test_a_bad_signature_is_refused(sent: Stripe, client: Client, secret: str) -> None:
    assert tell(client, sent.event("invoice.sent"), secret=secret) == 400
    assert (
        client.post("/webhooks/stripe", b"{}", content_type="application/json").status_code == 400
    )
    assert not ProviderEvent.objects.exists()


def test_without_a_secret_of_our_own_nobody_can_sign(sent: Stripe, client: Client) -> None:
    with override_settings(STRIPE_WEBHOOK_SECRET=""):
        assert tell(client, sent.event("invoice.sent"), secret="") == 400


def test_only_what_is_posted_is_taken(client: Client) -> None:
    assert client.get("/webhooks/stripe").status_code == 405


def test_an_organization_is_overdue_until_stripe_says_that_it_paid(
    sent: Stripe, client: Client
) -> None:
    deadline = invoice().due_on + timedelta(days=14)
    assert not long_overdue_payments(deadline - timedelta(days=1)).exists()
    uncollectible, paid = happens(sent, "uncollectible", "pay")
    tell(client, uncollectible)
    process()
    assert long_overdue_payments(deadline).exists()
    tell(client, paid)
    process()
    assert not long_overdue_payments(deadline).exists()
    assert invoice().status_on(day("2026-12-31")) == "paid"


@pytest.mark.django_db(transaction=True)
def test_events_arrive_over_http_shuffled_and_several_times(
    sent: Stripe, live_server: LiveServer
) -> None:
    webhooks = sent.stand_in.webhooks
    webhooks.url, webhooks.secret = f"{live_server.url}/webhooks/stripe", SECRET
    webhooks.shuffle, webhooks.repeat = True, 3
    happens(sent, "fail", "uncollectible", "pay")
    statuses = webhooks.deliver()
    assert set(statuses) == {200}
    assert len(statuses) == 3 * ProviderEvent.objects.count() == 3 * 7
    assert webhooks.deliver() == []
    process()
    assert payment().status == "paid"
