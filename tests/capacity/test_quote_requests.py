"""Asking for capacity, and an operator's answer (R23)."""

from decimal import Decimal

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from accounts.operations.emails import send_due_emails
from billing.models import OrderForm
from billing.queries.order_forms import order_forms
from capacity.models import QuoteRequest, Snapshot
from capacity.operations.quote_requests import request_quote
from capacity.queries.quote_requests import ExpectedTraffic, quote_requests
from common.errors import BusinessError, InvalidRequest, NotFound
from tests.cast import GPT, GROK, Acme, at, day, signed_in

pytestmark = pytest.mark.django_db

COMBINED = "gpt-5.4"


def ask(acme: Acme, *models: ExpectedTraffic, on: str = "2026-01-05") -> QuoteRequest:
    """Alice asks for capacity, by default the worked example."""
    request = request_quote(
        organization=acme.organization,
        models=models or [ExpectedTraffic(COMBINED, 60_000, 10_000)],
        note="We start in February.",
        by=acme.alice,
        now=at(on),
    )
    return quote_requests(acme.organization).get(pk=request.pk)


def test_a_request_names_units_and_prices_of_its_day(acme: Acme) -> None:
    request = ask(acme, ExpectedTraffic(COMBINED, 60_000, 10_000), ExpectedTraffic(GROK, 31_501, 0))
    assert [(line.model, line.kind, line.units, line.tpm) for line in request.lines] == [
        (COMBINED, "combined", 3, 150_000),
        (GROK, "input", 2, 63_000),
    ]
    assert [str(line.price) for line in request.lines] == ["$300.00", "$10.00"]
    assert str(request.per_day) == "$920.00"
    entry = acme.organization.audit_entries.get(action="quote_request.created")
    assert entry.after == {
        "models": [
            f"{COMBINED}: 60,000 input and 10,000 output TPM",
            f"{GROK}: 31,501 input and 0 output TPM",
        ],
        "note": "We start in February.",
    }


MISTAKES: list[tuple[list[tuple[str, int, int]], type[BusinessError], str]] = [
    ([("gpt-9", 1, 1)], NotFound, "models.0.model"),
    ([(GROK, 1, 0), (GROK, 1, 0)], InvalidRequest, "models.1.model"),
    ([(GROK, 0, 0)], InvalidRequest, "models.0.input_tpm"),
    ([(GROK, 1, 10**10 + 1)], InvalidRequest, "models.0.output_tpm"),
    ([(GPT, 1, 1)], InvalidRequest, "models.0.model"),
]


def test_what_cannot_be_asked_for_is_refused_at_its_field(
    acme: Acme, subtests: pytest.Subtests
) -> None:
    Snapshot.objects.filter(model=GPT).update(retires_on=day("2026-01-05"))
    for models, error, field in MISTAKES:
        with subtests.test(field), pytest.raises(error) as refusal:
            ask(acme, *(ExpectedTraffic(*model) for model in models))
        assert list(refusal.value.errors) == [field]
    assert not QuoteRequest.objects.exists()


def test_olga_sees_first_what_waits_longest(acme: Acme, olga: Client) -> None:
    requests = [ask(acme) for _ in range(3)]
    QuoteRequest.objects.filter(pk=requests[0].pk).update(
        status="declined", reply="No.", replied_at=at("2026-01-06")
    )
    page = olga.get("/operator/capacity/quoterequest/")
    assert list(page.context["cl"].result_list) == [requests[1], requests[2], requests[0]]
    assert "3 combined units of gpt-5.4" in page.text


def test_olga_answers_with_a_form_and_the_owners_are_told(acme: Acme, olga: Client) -> None:
    Organization.objects.update(is_sandbox=True, clock_at=at("2026-01-05"))
    request = ask(acme, ExpectedTraffic(GROK, 1, 0), ExpectedTraffic(COMBINED, 1, 0))
    url = f"/operator/capacity/quoterequest/{request.pk}/answer/"
    assert url in olga.get(f"/operator/capacity/quoterequest/{request.pk}/change/").text
    form = olga.get(url).context["form"]
    assert (form["starts_on"].value(), form["ends_on"].value()) == (
        day("2026-01-05"),
        day("2027-01-05"),
    )
    fields = {
        "starts_on": "2026-02-01",
        "ends_on": "2026-01-01",
        "anchor_day": "1",
        "discount_percent": "5",
        "discount_0": "12.5",
        "discount_1": "",
        "days_until_due": "14",
        "terms": "As agreed.",
        "reply": "With our thanks.",
    }
    assert "ends after it starts" in olga.post(url, fields).text
    assert olga.post(url, fields | {"ends_on": "2027-02-01"}).status_code == 302

    request = quote_requests(acme.organization).get()
    form = order_forms(acme.organization).get(public_id=str(request.order_form))
    assert (request.status, request.reply) == ("answered", "With our thanks.")
    assert [(each.model, each.discount_percent) for each in form.model_discounts.all()] == [
        (GROK, Decimal("12.5"))
    ]
    assert (form.days_until_due, form.terms, form.is_signed) == (14, "As agreed.", False)
    entries = acme.organization.audit_entries.filter(source="admin").order_by("pk")
    assert [entry.action for entry in entries] == ["order_form.created", "quote_request.answered"]
    assert olga.post(url, fields).status_code == 302
    assert OrderForm.objects.count() == 2
    [email] = sent_emails()
    assert email.to == [acme.alice.person.email]
    assert "awaits your signature" in email.subject
    assert f"/settings/order-form/forms/{form.public_id}/" in email.body
    assert "1 input unit of grok-4-1-fast-reasoning" in email.body


def test_olga_declines_with_a_sentence_that_the_owners_read(acme: Acme, olga: Client) -> None:
    Organization.objects.update(is_sandbox=True, clock_at=at("2026-01-05"))
    request = ask(acme)
    url = f"/operator/capacity/quoterequest/{request.pk}/decline/"
    assert olga.post(url, {"reply": " "}).context["form"].errors["reply"]
    assert olga.post(url, {"reply": "There is no supply before May."}).status_code == 302
    request = quote_requests(acme.organization).get()
    assert (request.status, request.order_form) == ("declined", None)
    entry = acme.organization.audit_entries.get(action="quote_request.declined")
    assert entry.after == {"reply": "There is no supply before May."}
    [email] = sent_emails()
    assert email.to == [acme.alice.person.email]
    assert "There is no supply before May." in email.body


def sent_emails() -> list[EmailMessage]:
    send_due_emails(now=at("2026-01-06"))
    return mail.outbox


def test_a_withdrawn_request_waits_for_nobody_and_cannot_be_answered(
    acme: Acme, olga: Client
) -> None:
    request = ask(acme)
    alice = signed_in(acme.alice)
    url = reverse("withdraw_quote", args=[acme.organization.public_id, request.public_id])
    page = alice.post(url, follow=True).text
    assert "The request is withdrawn." in page
    assert "Withdrawn" in page
    assert url not in page
    assert "is withdrawn already" in alice.post(url, follow=True).text
    for step in ("answer", "decline"):
        answer = olga.get(f"/operator/capacity/quoterequest/{request.pk}/{step}/", follow=True)
        assert "is withdrawn already" in answer.text
    admin = olga.get(f"/operator/capacity/quoterequest/{request.pk}/change/").text
    assert "Withdrawn" in admin
    assert "open quote request" not in olga.get("/operator/").text


def test_terms_that_are_too_long_are_refused_at_their_field_and_kept(
    acme: Acme, olga: Client
) -> None:
    url = f"/operator/capacity/quoterequest/{ask(acme).pk}/answer/"
    page = olga.post(url, {"terms": "x" * 2001})
    assert "at most 2000 characters (it has 2001)" in str(page.context["form"].errors["terms"])
    assert "x" * 2001 in page.text
