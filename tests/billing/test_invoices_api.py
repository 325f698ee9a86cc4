"""Invoices through the API (R8): issued ones, and the upcoming one."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Invoice, InvoicePayment
from tests.api_client import ApiCast, problem
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


NOBODY = dict.fromkeys(["name", "address", "country", "tax_id", "email", "purchase_order"])


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


def test_an_issued_invoice_has_its_period_totals_and_lines(api: ApiCast) -> None:
    api.acme.signs("2026-01-10", on="2026-01-10", discount="12.5")
    api.bob.buys(input=4, output=1)
    api.set_clock("2026-02-01")

    [invoice] = api.bob.get("invoices").json()["data"]

    def line(kind: str, unit_days: int, amount: int, discount: int) -> dict[str, Any]:
        return {
            "model": GROK,
            "kind": kind,
            "type": "first_term",
            "price_per_day": usd(1_000),
            "discount_percent": "12.5",
            "unit_days": unit_days,
            "amount": usd(amount),
            "discount": usd(discount),
        }

    assert invoice == {
        "id": Invoice.objects.get().public_id,
        "number": 1,
        "display_number": "ACM-0001",
        "status": "open",
        "period": {"start": "2026-01-01", "end": "2026-02-01"},
        "issued_on": "2026-02-01",
        "due_on": "2026-03-03",
        "subtotal": usd(110_000),
        "discount": usd(13_750),
        "total": usd(96_250),
        "billed_to": NOBODY | {"name": "Acme"},
        "lines": [line("input", 88, 88_000, 11_000), line("output", 22, 22_000, 2_750)],
    }
    assert api.bob.get(f"invoices/{invoice['id']}").json() == invoice


def test_the_upcoming_invoice_has_the_total_so_far_and_the_projected_one(api: ApiCast) -> None:
    api.bob.buys(input=4)
    api.set_clock("2026-02-03")

    upcoming = api.bob.get("invoices/upcoming").json()

    assert upcoming == {
        "id": None,
        "number": None,
        "display_number": None,
        "status": "open",
        "period": {"start": "2026-02-01", "end": "2026-03-01"},
        "issued_on": "2026-03-01",
        "due_on": "2026-03-31",
        "subtotal": usd(4 * 3 * 1_000),
        "discount": usd(0),
        "total": usd(4 * 3 * 1_000),
        "billed_to": NOBODY | {"name": "Acme"},
        "lines": [
            {
                "model": GROK,
                "kind": "input",
                "type": "renewal",
                "price_per_day": usd(1_000),
                "discount_percent": "0",
                "unit_days": 12,
                "amount": usd(12_000),
                "discount": usd(0),
            }
        ],
        "projected_total": usd(4 * 28 * 1_000),
    }


def test_the_issued_total_is_the_one_that_was_projected(api: ApiCast) -> None:
    api.acme.signs("2026-01-10", on="2026-01-10", discount="33.33")
    api.bob.buys(input=3)
    api.bob.buys(GPT, input=1, output=1)
    api.set_clock("2026-02-03")
    projected_total = api.bob.get("invoices/upcoming").json()["projected_total"]
    api.set_clock("2026-03-01")

    assert api.bob.get("invoices").json()["data"][0]["total"] == projected_total


def test_the_upcoming_invoice_of_acme_is_empty_before_it_buys(api: ApiCast) -> None:
    upcoming = api.alice.get("invoices/upcoming").json()

    assert upcoming["lines"] == []
    assert upcoming["total"] == upcoming["projected_total"] == usd(0)
    assert api.alice.get("invoices").json() == {"data": [], "next": None}


def test_an_invoice_is_open_then_overdue_until_it_is_paid(api: ApiCast) -> None:
    api.bob.buys(input=1)

    def status_on(day: str) -> str:
        api.set_clock(day)
        return str(api.bob.get("invoices").json()["data"][-1]["status"])

    assert [status_on("2026-02-01"), status_on("2026-03-03")] == ["open", "open"]
    assert status_on("2026-03-04") == "overdue"
    InvoicePayment.objects.update(status="paid")
    assert status_on("2026-03-05") == "paid"
    InvoicePayment.objects.update(status="void")
    assert status_on("2026-03-06") == "void"
    InvoicePayment.objects.update(status="uncollectible")
    assert status_on("2026-03-07") == "overdue"


def test_invoices_are_paged_newest_first(api: ApiCast) -> None:
    api.bob.buys(input=1)
    api.set_clock("2026-04-01")

    first = api.bob.get("invoices", limit=2).json()
    rest = api.bob.get("invoices", limit=2, cursor=first["next"]).json()

    assert [invoice["number"] for invoice in first["data"] + rest["data"]] == [3, 2, 1]
    assert rest["next"] is None


def test_more_invoices_take_no_more_queries(api: ApiCast) -> None:
    def count_queries(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            api.bob.get(path)
        return len(queries)

    api.bob.buys(input=1)
    api.set_clock("2026-02-02")
    api.bob.get("invoices")
    few_for_issued, few_for_upcoming = count_queries("invoices"), count_queries("invoices/upcoming")
    for model in (GROK, GPT):
        api.bob.buys(model, input=2, output=1)
    api.set_clock("2026-05-02")
    api.bob.get("invoices")

    assert count_queries("invoices") <= few_for_issued <= 12
    assert count_queries("invoices/upcoming") <= few_for_upcoming <= 12


def test_refuses_charlie_who_asks_for_an_invoice_of_acme(api: ApiCast) -> None:
    api.bob.buys(input=1)
    api.set_clock("2026-02-01")
    invoice = api.bob.get("invoices").json()["data"][0]["id"]

    assert problem(api.charlie.get(f"invoices/{invoice}")) == (404, "not_found")
    assert problem(api.bob.get("invoices/inv_unknown")) == (404, "not_found")
    assert api.charlie.get("invoices").json()["data"] == []


def test_the_charges_of_a_period_add_up_to_its_subtotal(api: ApiCast) -> None:
    api.bob.buys(GPT, input=3, output=2)
    lot = api.bob.buys(input=5)["lots"][0]["id"]
    api.bob.cancels(lot, 2)
    api.set_clock("2026-03-01")

    for invoice in api.bob.get("invoices").json()["data"]:
        period = {name: date.fromisoformat(text) for name, text in invoice["period"].items()}
        charges = api.bob.get(
            "charges", posted_from=period["start"], posted_to=period["end"], limit=200
        ).json()["data"]
        total = sum(charge["amount"]["amount"] for charge in charges)
        assert total == invoice["subtotal"]["amount"]
