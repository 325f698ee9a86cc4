"""The stand-in behaves as Stripe does, as seen through Stripe's own library."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import stripe
from stripe.params import InvoiceCreateParams

from scaletier.devserver.stripe.faults import Fault
from scaletier.devserver.stripe.server import StandIn
from scaletier.devserver.stripe.webhooks import signature


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def client(stand_in: StandIn) -> stripe.StripeClient:
    return client_of(stand_in.url)


def client_of(url: str, key: str = "sk_test_standin") -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)


def create_customer(
    client: stripe.StripeClient, key: str = "a", name: str = "Acme"
) -> stripe.Customer:
    return client.v1.customers.create(
        {"name": name, "email": "alice@example.com"}, {"idempotency_key": key}
    )


def create_draft(client: stripe.StripeClient, *amounts: int, **params: Any) -> stripe.Invoice:
    defaults: InvoiceCreateParams = {
        "customer": create_customer(client).id,
        "collection_method": "send_invoice",
        "days_until_due": 30,
    }
    invoice = client.v1.invoices.create(cast(InvoiceCreateParams, {**defaults, **params}))
    if amounts:
        lines: Any = [{"amount": amount, "description": f"{amount}"} for amount in amounts]
        invoice = client.v1.invoices.add_lines(invoice.id, {"lines": lines})
    return invoice


def control(stand_in: StandIn, action: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{stand_in.url}/_control/{action}",
        json.dumps(body).encode() if body else None,
        {"Authorization": f"Bearer {stand_in.control_key}"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def test_an_idempotency_key_replays_refuses_other_parameters_and_expires(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    first = create_customer(client)
    replayed = create_customer(client)
    assert replayed.id == first.id
    assert replayed.last_response is not None
    assert replayed.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        create_customer(client, name="Globex")
    control(stand_in, "clock", ahead=24 * 3600 + 1)
    assert create_customer(client).id != first.id


def test_a_500_is_stored_under_the_idempotency_key_and_a_429_is_not(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    control(stand_in, "faults", status=429)
    with pytest.raises(stripe.RateLimitError):
        create_customer(client)
    control(stand_in, "faults", status=500)
    for _ in range(2):
        with pytest.raises(stripe.APIError, match="A 500, as was asked for"):
            create_customer(client)
    assert create_customer(client, key="b").name == "Acme"


def test_an_invoice_goes_from_draft_to_open_to_paid(client: stripe.StripeClient) -> None:
    draft = create_draft(client, 1000, -125)
    assert (draft.status, draft.total) == ("draft", 875)
    final = client.v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.amount_due) == ("open", 875)
    assert client.v1.invoices.send_invoice(draft.id).status == "open"
    paid = client.v1.invoices.pay(draft.id)
    assert (paid.status, paid.amount_remaining) == ("paid", 0)
    for request in (client.v1.invoices.void_invoice, client.v1.invoices.mark_uncollectible):
        with pytest.raises(stripe.InvalidRequestError, match="This invoice is paid"):
            request(draft.id)


def test_an_invoice_paid_out_of_band_is_paid_without_an_attempt(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    final = client.v1.invoices.finalize_invoice(create_draft(client, 1000).id)
    client.v1.invoices.mark_uncollectible(final.id)
    paid = client.v1.invoices.pay(final.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    assert paid.attempt_count == 0
    assert control(stand_in, "state")["events"][-1] == "invoice.paid"
    with pytest.raises(stripe.InvalidRequestError, match="This invoice is paid"):
        client.v1.invoices.pay(final.id, {"paid_out_of_band": True})
    invalid_params: Any = {"paid_out_of_band": "perhaps"}
    with pytest.raises(stripe.InvalidRequestError, match="Invalid boolean: perhaps"):
        client.v1.invoices.pay(final.id, invalid_params)


def test_lists_are_newest_first_and_have_pages(client: stripe.StripeClient) -> None:
    invoice_ids = [create_draft(client).id for _ in range(5)]
    first_page = client.v1.invoices.list({"limit": 2})
    assert first_page.has_more
    assert [invoice.id for invoice in first_page.auto_paging_iter()] == invoice_ids[::-1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"due_date": 1_000_000_000, "days_until_due": None}, "in the future"),
        ({"customer": "cus_of_nobody"}, "No such customer: 'cus_of_nobody'"),
        ({"colour": "blue"}, "unknown parameter: colour"),
    ],
)
def test_an_invoice_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        create_draft(client, **params)


def test_a_live_key_is_refused(stand_in: StandIn) -> None:
    with pytest.raises(stripe.AuthenticationError, match="test keys only"):
        create_customer(client_of(stand_in.url, "sk_live_standin"))


def test_another_key_than_the_products_own_is_refused() -> None:
    with StandIn(api_key="sk_test_own") as stand_in:
        assert create_customer(client_of(stand_in.url, "sk_test_own")).name == "Acme"
        with pytest.raises(stripe.AuthenticationError):
            create_customer(client_of(stand_in.url, "sk_test_other"))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk_test_standin"}])
@pytest.mark.parametrize("action", ["state", "faults", "clock", "webhooks", "deliver"])
def test_the_control_surface_needs_its_key(
    stand_in: StandIn, action: str, headers: dict[str, str]
) -> None:
    stand_in.webhooks.secret = "whsec_standin"
    body = json.dumps({"secret": "whsec_of_another"}).encode()
    request = urllib.request.Request(f"{stand_in.url}/_control/{action}", body, headers)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)
    assert stand_in.webhooks.secret == "whsec_standin"


def test_stripes_library_verifies_the_signatures_of_webhooks() -> None:
    payload = b'{"id": "evt_1", "object": "event", "type": "ping"}'
    header = signature(payload, "whsec_standin")
    assert stripe.Webhook.construct_event(payload, header, "whsec_standin").type == "ping"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, signature(payload, "other"), "whsec_standin")


def test_a_customer_pays_on_the_hosted_page(stand_in: StandIn, client: stripe.StripeClient) -> None:
    final = client.v1.invoices.finalize_invoice(create_draft(client, 1000).id)
    assert final.hosted_invoice_url is not None
    with urllib.request.urlopen(final.hosted_invoice_url) as response:
        page = response.read().decode()
    assert "Stripe stand-in — no money moves" in page
    assert "Pay 10.00 USD" in page
    with urllib.request.urlopen(final.hosted_invoice_url, b"action=pay") as response:
        assert "This invoice is paid." in response.read().decode()
    assert client.v1.invoices.retrieve(final.id).status == "paid"
    assert control(stand_in, "state")["events"][-1] == "invoice.paid"


def test_a_dropped_request_may_have_been_executed(
    stand_in: StandIn, client: stripe.StripeClient
) -> None:
    stand_in.faults.ask_for(Fault(how="drop", done=True))
    with pytest.raises(stripe.APIConnectionError):
        create_customer(client)
    assert len(client.v1.customers.list().data) == 1
    assert create_customer(client).id == client.v1.customers.list().data[0].id


def test_a_restarted_stand_in_still_has_its_invoices(tmp_path: Path) -> None:
    file = tmp_path / "stripe.sqlite3"
    with StandIn(file) as stand_in:
        draft = create_draft(client_of(stand_in.url), 1000)
    with StandIn(file) as stand_in:
        assert client_of(stand_in.url).v1.invoices.retrieve(draft.id).total == 1000


def test_a_customer_is_updated_in_the_parts_that_are_named(client: stripe.StripeClient) -> None:
    customer = create_customer(client)
    params: Any = {
        "address": {"line1": "1 Main Street", "line2": "Town", "country": "US"},
        "invoice_settings": {"custom_fields": [{"name": "Purchase order", "value": "PO-1"}]},
    }
    client.v1.customers.update(customer.id, params)
    params = {"address": {"line2": ""}, "invoice_settings": {"custom_fields": ""}}
    updated = client.v1.customers.update(customer.id, params).to_dict()
    assert updated["address"] == {"line1": "1 Main Street", "line2": None, "country": "US"}
    assert updated["invoice_settings"]["custom_fields"] is None
    assert (updated["name"], updated["email"]) == ("Acme", "alice@example.com")
    refused: list[Any] = [
        {"address": {"lines": "x"}},
        {"address": {"country": "Germany"}},
        {"name": "x" * 257},
        {"email": "nobody"},
        {"invoice_settings": {"custom_fields": [{"name": "A", "value": "x" * 141}]}},
        {"invoice_settings": {"custom_fields": [{"name": "A", "value": "x"}] * 5}},
    ]
    for wrong in refused:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.update(customer.id, wrong)


def test_tax_ids_are_made_listed_and_deleted_and_have_the_form_of_their_type(
    client: stripe.StripeClient,
) -> None:
    customer = create_customer(client).id
    tax_ids = client.v1.customers.tax_ids
    vat = tax_ids.create(customer, {"type": "eu_vat", "value": "DE123456789"})
    assert (vat.object, vat.country, vat.customer) == ("tax_id", "DE", customer)
    for kind, value in (("eu_vat", "DE12345678"), ("us_ein", "123456789"), ("vat", "1")):
        with pytest.raises(stripe.InvalidRequestError):
            tax_ids.create(customer, {"type": kind, "value": value})
    assert [tax_id.id for tax_id in tax_ids.list(customer).data] == [vat.id]
    assert tax_ids.delete(customer, vat.id).deleted
    assert tax_ids.list(customer).data == []
    with pytest.raises(stripe.InvalidRequestError) as error:
        tax_ids.delete(customer, vat.id)
    assert error.value.code == "resource_missing"


def test_an_invoice_follows_its_customer_until_it_is_finalized_and_has_a_number_of_its_own(
    client: stripe.StripeClient,
) -> None:
    draft = create_draft(client, 500, number="NWL-0004")
    for number in ("NWL-0004", "NWL 4", "N" * 27):
        with pytest.raises(stripe.InvalidRequestError) as error:
            create_draft(client, number=number)
        assert error.value.param == "number"
    customer = str(draft.customer)
    client.v1.customers.update(customer, {"name": "Acme Holding"})
    client.v1.customers.tax_ids.create(customer, {"type": "us_ein", "value": "12-3456789"})
    final = client.v1.invoices.finalize_invoice(draft.id)
    client.v1.customers.update(customer, {"name": "Later"})
    final = client.v1.invoices.retrieve(draft.id)
    assert (final.number, final.customer_name) == ("NWL-0004", "Acme Holding")
    assert final.to_dict()["customer_tax_ids"] == [{"type": "us_ein", "value": "12-3456789"}]
