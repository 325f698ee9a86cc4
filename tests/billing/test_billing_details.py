"""Billing details: who may set them, what is refused, and on which invoices they are."""

from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.operations.emails import send_due_emails
from billing.models import BillingDetails, CustomerSync, Invoice
from tests.api_client import ApiCast
from tests.cast import at, signed_in

pytestmark = pytest.mark.django_db

DETAILS = {
    "name": "Acme Holding GmbH",
    "address": "Straße der Künste 12\n10115 Berlin",
    "country": "DE",
    "tax_id": "DE123456789",
    "email": "billing@acme.example",
    "purchase_order": "PO-2026-17",
}


def page_of(api: ApiCast) -> str:
    return reverse("billing_details", args=[api.acme.organization.public_id])


def test_alice_sets_all_details_at_once_and_what_she_leaves_out_is_removed(api: ApiCast) -> None:
    assert api.alice.get("billing-details").json() == dict.fromkeys(DETAILS)

    response = api.alice.put("billing-details", DETAILS)
    assert (response.status_code, response.json()) == (200, DETAILS)
    assert api.alice.get("billing-details").json() == DETAILS
    entry = AuditEntry.objects.get(action="billing_details.set")
    assert (entry.before, entry.after) == (None, DETAILS)

    api.alice.put("billing-details", DETAILS)  # Nothing has changed, so nothing is recorded.
    assert CustomerSync.objects.get().revision == 1
    required = {name: f" {DETAILS[name]} " for name in ("name", "address", "country", "email")}
    response = api.alice.put("billing-details", required | {"country": "de", "tax_id": None})
    assert response.json() == DETAILS | {"tax_id": None, "purchase_order": None}
    assert AuditEntry.objects.filter(action="billing_details.set").count() == 2
    assert CustomerSync.objects.get().revision == 2


WRONG: list[tuple[str, Any]] = [
    *((name, value) for name in DETAILS for value in (5, True, ["x"], "a\0b", "x" * 400)),
    *((name, f"a{end}b") for name in DETAILS if name != "address" for end in ("\n", "\r\n")),
    *((name, value) for name in ("name", "address", "country", "email") for value in (None, " ")),
    ("address", "\n".join("1234567")),
    ("address", {"line1": "1 Main Street"}),
    ("country", "XX"),
    ("country", "Germany"),
    ("country", "D"),
    ("email", "nobody"),
    ("email", f"a@{'ä' * 60}.com"),
    ("email", "a@b.example, c@d.example"),
    ("county", "Kent"),
]


def test_each_wrong_value_is_refused_by_the_name_of_its_field(api: ApiCast) -> None:
    for name, value in WRONG:
        response = api.alice.put("billing-details", DETAILS | {name: value})
        assert response.status_code == 400, (name, value)
        assert list(response.json()["errors"]) == [name], (name, value)
    missing = api.alice.put("billing-details", {"tax_id": "DE1"}).json()["errors"]
    assert list(missing) == ["name", "address", "country", "email"]
    assert not BillingDetails.objects.exists()
    assert not CustomerSync.objects.exists()


def test_an_issued_invoice_keeps_the_details_of_the_day_of_its_issue(api: ApiCast) -> None:
    api.bob.buys(input=4)
    api.set_clock("2026-02-01")
    api.bob.get("invoices")
    api.alice.put("billing-details", DETAILS)
    api.set_clock("2026-03-01")
    second, first = api.bob.get("invoices").json()["data"]
    api.alice.put("billing-details", DETAILS | {"name": "Acme AG", "purchase_order": "PO-18"})

    nothing = dict.fromkeys(DETAILS)
    assert first["billed_to"] == nothing | {"name": "Acme"}
    assert second["billed_to"] == DETAILS
    assert api.bob.get(f"invoices/{second['id']}").json() == second
    upcoming = api.bob.get("invoices/upcoming").json()
    assert upcoming["billed_to"]["purchase_order"] == "PO-18"
    page = signed_in(api.acme.bob).get(
        reverse("invoice", args=[api.acme.organization.public_id, second["id"]])
    )
    for text in ("Acme Holding GmbH", "Künste 12<br>10115 Berlin", "Germany", "PO-2026-17"):
        assert text in page.text, text
    assert "Acme AG" not in page.text

    mail.outbox.clear()
    send_due_emails(now=at("2026-03-01"))
    recipients = {message.subject: message.to for message in mail.outbox}
    [(name, pdf, kind)] = mail.outbox[-1].attachments
    assert (name, kind) == ("invoice-ACM-0002.pdf", "application/pdf")
    assert bytes(pdf).startswith(b"%PDF-")
    people = [api.acme.alice.person.email, api.acme.bob.person.email]
    assert recipients["Invoice ACM-0001 of Acme: $880.00, due 2026-03-03"] == people
    assert recipients["Invoice ACM-0002 of Acme: $1,120.00, due 2026-03-31"] == [
        *people,
        DETAILS["email"],
    ]


def test_an_invoice_keeps_the_seller_of_the_day_of_its_issue(api: ApiCast, settings: Any) -> None:
    settings.SELLER = ["Old Seller Inc.", "1 Old Street"]
    api.bob.buys(input=4)
    api.set_clock("2026-02-01")
    api.bob.get("invoices")
    settings.SELLER = ["New Seller Inc."]
    args = [api.acme.organization.public_id, Invoice.objects.get().public_id]
    assert "Old Seller Inc." in signed_in(api.acme.bob).get(reverse("invoice", args=args)).text


def test_alice_fills_in_the_page_and_keeps_what_she_typed_beside_an_error(api: ApiCast) -> None:
    alice, page = signed_in(api.acme.alice), page_of(api)
    assert "Nothing is entered yet" in alice.get(page).text

    response = alice.post(page, DETAILS | {"email": f"a@{'ä' * 60}.com", "country": ""})
    assert response.status_code == 422
    assert "This field is required." in response.text
    response = alice.post(page, DETAILS | {"email": f"a@{'ä' * 60}.com"})
    assert (response.status_code, BillingDetails.objects.count()) == (422, 0)
    assert "No email can be sent to" in response.context["form"].errors["email"][0]
    assert DETAILS["purchase_order"] in response.text

    response = alice.post(page, DETAILS | {"address": "Straße der Künste 12\r\n10115 Berlin\r\n"})
    assert response.headers["Location"] == page
    assert api.alice.get("billing-details").json() == DETAILS
    assert "The billing details are saved" in alice.get(page).text


def test_only_owners_open_the_page_or_see_its_link(api: ApiCast) -> None:
    people = [api.acme.bob, api.acme.mallory, api.acme.charlie]
    for method in ("get", "post"):
        statuses = [
            getattr(signed_in(person), method)(page_of(api)).status_code for person in people
        ]
        assert statuses == [403, 403, 404]
    scale_tier = reverse("scale_tier", args=[api.acme.organization.public_id])
    link = f'href="{page_of(api)}"'
    assert link in signed_in(api.acme.alice).get(scale_tier).text
    assert link not in signed_in(api.acme.bob).get(scale_tier).text
