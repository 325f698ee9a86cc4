"""Events of Stripe: verified, stored once, and of the same effect in any order."""

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, OutboundEmail
from billing.models import InvoicePayment, ProviderEvent
from billing.operations.invoice_sync import sync_next_invoice
from billing.operations.provider_events import process_events
from billing.queries.payments import long_overdue_payments
from scaletier.devserver.stripe.shapes import Object
from tests.billing.stripe_cast import ISSUED, SECRET, Stripe, deliver, get_invoice
from tests.cast import Acme, day

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced_stripe(invoiced_acme: Acme, stripe: Stripe) -> Stripe:
    """Stripe, with the invoice of Acme open."""
    sync_next_invoice(now=ISSUED)
    return stripe


def act(stripe: Stripe, *actions: str) -> list[Object]:
    """Press these buttons of the hosted page; return the events that follow."""
    events_before = len(stripe.stand_in.store.all("event"))
    for action in actions:
        stripe.stand_in.act(stripe.invoice, action)
    return stripe.stand_in.store.all("event")[events_before:]


def process() -> int:
    return process_events(now=ISSUED)


def get_payment() -> InvoicePayment:
    return InvoicePayment.objects.get()


def test_an_invoice_that_is_paid_at_stripe_is_paid(synced_stripe: Stripe, client: Client) -> None:
    [paid] = act(synced_stripe, "pay")
    assert deliver(client, paid) == 200
    assert process() == 1
    assert get_payment().status == "paid"
    assert get_payment().status_changed_at == datetime.fromtimestamp(paid["created"], UTC)
    entry = AuditEntry.objects.get(action="invoice.paid")
    assert (entry.source, entry.subject) == ("stripe", get_invoice().public_id)
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
def test_events_in_any_order_and_repeated_lead_to_the_same_status(
    synced_stripe: Stripe, client: Client, actions: list[str], status: str
) -> None:
    events = act(synced_stripe, *actions)
    for order in permutations(events):
        InvoicePayment.objects.update(status="open", status_changed_at=None, payment_failed_at=None)
        ProviderEvent.objects.all().delete()
        for event in [*order, *order]:
            assert deliver(client, event) == 200
            process()
        assert get_payment().status == status
        assert ProviderEvent.objects.count() == len(events)
        assert not ProviderEvent.objects.filter(processed_at=None).exists()


def test_a_repeated_event_has_its_effect_once(synced_stripe: Stripe, client: Client) -> None:
    [paid] = act(synced_stripe, "pay")
    for _ in range(3):
        assert deliver(client, paid) == 200
        process()
    assert AuditEntry.objects.filter(action="invoice.paid").count() == 1
    assert process() == 0


def test_two_failed_payments_leave_the_invoice_open_and_enqueue_one_email(
    synced_stripe: Stripe, client: Client
) -> None:
    for event in act(synced_stripe, "fail", "fail"):
        deliver(client, event)
    process()
    assert get_payment().status == "open"
    assert get_payment().payment_failed_at is not None
    [email] = OutboundEmail.objects.filter(kind="payment_failed")
    assert email.about == get_invoice().public_id
    entries = AuditEntry.objects.filter(action="invoice.payment_failed", source="stripe")
    assert {entry.subject for entry in entries} == {get_invoice().public_id}
    assert len(entries) == 2


def test_an_older_failed_payment_that_comes_later_does_not_replace_the_newer(
    synced_stripe: Stripe, client: Client
) -> None:
    older, newer = act(synced_stripe, "fail", "fail")
    newer["created"] = older["created"] + 3600
    for event in (newer, older):
        deliver(client, event)
        process()
    assert get_payment().payment_failed_at == datetime.fromtimestamp(newer["created"], UTC)


def test_no_email_tells_of_a_failed_payment_once_the_invoice_is_paid(
    synced_stripe: Stripe, client: Client
) -> None:
    failed, paid = act(synced_stripe, "fail", "pay")
    for event in (paid, failed):
        deliver(client, event)
        process()
    assert not OutboundEmail.objects.filter(kind="payment_failed").exists()
    assert ProviderEvent.objects.get(event_id=failed["id"]).outcome == "ignored: paid already"


def test_an_event_of_no_effect_is_stored_and_ignored(synced_stripe: Stripe, client: Client) -> None:
    assert deliver(client, synced_stripe.last_event("customer.created")) == 200
    process()
    event = ProviderEvent.objects.get()
    assert event.type == "customer.created"
    assert event.outcome == "ignored: nothing follows from it"


def test_an_event_about_a_copy_of_our_invoice_is_ignored(
    synced_stripe: Stripe, client: Client
) -> None:
    [paid] = act(synced_stripe, "pay")
    paid["data"]["object"]["id"] = "in_a_copy"
    deliver(client, paid)
    process()
    assert get_payment().status == "open"
    assert ProviderEvent.objects.get().outcome == "ignored: no invoice of ours"


@pytest.mark.parametrize("secret", ["whsec_of_someone_else", ""])
def test_refuses_an_event_with_a_bad_signature(
    synced_stripe: Stripe, client: Client, secret: str
) -> None:
    assert deliver(client, synced_stripe.last_event("invoice.sent"), secret=secret) == 400
    assert (
        client.post("/webhooks/stripe", b"{}", content_type="application/json").status_code == 400
    )
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize(("age_seconds", "status"), [(240, 200), (360, 400)])
def test_refuses_an_event_signed_more_than_five_minutes_ago(
    synced_stripe: Stripe, client: Client, age_seconds: int, status: int
) -> None:
    """Whoever reads one delivery cannot send it again later."""
    event = synced_stripe.last_event("invoice.sent")
    assert deliver(client, event, signed_at=int(time.time()) - age_seconds) == status
    assert ProviderEvent.objects.exists() == (status == 200)


def test_refuses_every_event_without_a_secret_of_our_own(
    synced_stripe: Stripe, client: Client
) -> None:
    with override_settings(STRIPE_WEBHOOK_SECRET=""):
        assert deliver(client, synced_stripe.last_event("invoice.sent"), secret="") == 400


def test_the_webhook_accepts_post_alone(client: Client) -> None:
    assert client.get("/webhooks/stripe").status_code == 405


PAID = {"object": "event", "id": "evt_1", "type": "invoice.paid", "created": 1_770_000_000}

ODD_PAYLOADS = {
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"1",
    "nothing": b"{}",
    "no snapshot event": b'{"object": "v2.core.event"}',
    "no id": {**PAID, "id": None},
    "an empty id": {**PAID, "id": ""},
    "an id that is too long": {**PAID, "id": "e" * 256},
    "no type": {**PAID, "type": 7},
    "a time that never comes": {**PAID, "created": 10**20},
    "a time that is text": {**PAID, "created": "yesterday"},
    "a NUL": {**PAID, "data": {"object": {"id": "in_\0"}}},
    "a raw NUL": b'{"object": "event", "id": "\0"}',
    "half a surrogate pair": {**PAID, "data": "\ud800"},
    "deep nesting": b"[" * 100_000,
}


@pytest.mark.parametrize("payload", ODD_PAYLOADS.values(), ids=ODD_PAYLOADS)
def test_a_signed_but_odd_payload_is_stored_marked_and_left_to_an_operator(
    synced_stripe: Stripe, client: Client, payload: bytes | Object
) -> None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    assert deliver(client, body) == deliver(client, body) == 200
    stored = ProviderEvent.objects.get()
    assert (stored.type, stored.processed_at) == ("unreadable", None)
    assert stored.error
    assert process() == 0
    [paid] = act(synced_stripe, "pay")
    deliver(client, paid)
    assert process() == 1


def test_an_event_that_cannot_be_processed_is_marked_once_and_delays_no_other(
    synced_stripe: Stripe, client: Client, olga: Client, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(client, {**PAID, "id": "evt_without_data"})
    [paid] = act(synced_stripe, "pay")
    deliver(client, paid)
    assert process() == 1
    odd = ProviderEvent.objects.get(event_id="evt_without_data")
    assert "KeyError" in odd.error
    caplog.clear()
    assert process() == 0
    assert not caplog.records

    address = "/operator/billing/providerevent/"
    assert "KeyError" in olga.get(address).text
    ProviderEvent.objects.filter(pk=odd.pk).update(payload={**paid, "id": "evt_without_data"})
    form = {"action": "process_again", "_selected_action": [odd.pk]}
    assert "1 processed" in olga.post(address, form, follow=True).text
    odd.refresh_from_db()
    assert (odd.error, odd.outcome) == ("", "ignored: paid already")
    assert AuditEntry.objects.get(action="provider_event.retried").before


def test_acme_is_overdue_until_stripe_says_that_it_paid(
    synced_stripe: Stripe, client: Client
) -> None:
    deadline = get_invoice().due_on + timedelta(days=14)
    assert not long_overdue_payments(deadline - timedelta(days=1)).exists()
    uncollectible, paid = act(synced_stripe, "uncollectible", "pay")
    deliver(client, uncollectible)
    process()
    assert long_overdue_payments(deadline).exists()
    deliver(client, paid)
    process()
    assert not long_overdue_payments(deadline).exists()
    assert get_invoice().status_on(day("2026-12-31")) == "paid"


@pytest.mark.django_db(transaction=True)
def test_events_arrive_over_http_shuffled_and_three_times_each(
    synced_stripe: Stripe, live_server: LiveServer
) -> None:
    webhooks = synced_stripe.stand_in.webhooks
    webhooks.url, webhooks.secret = f"{live_server.url}/webhooks/stripe", SECRET
    webhooks.shuffle, webhooks.repeat = True, 3
    act(synced_stripe, "fail", "uncollectible", "pay")
    statuses = webhooks.deliver()
    assert set(statuses) == {200}
    assert len(statuses) == 3 * ProviderEvent.objects.count() == 3 * 7
    assert webhooks.deliver() == []
    process()
    assert get_payment().status == "paid"
