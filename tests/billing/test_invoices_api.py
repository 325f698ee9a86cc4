"""Invoices through the API (R8): issued ones, and the one that grows until the period ends."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Invoice, InvoicePayment, OrderForm
from tests.api_client import Neighbours, code, neighbours
from tests.cast import GPT, GROK

pytestmark = pytest.mark.django_db


def usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "usd"}


@pytest.fixture
def here() -> Neighbours:
    return neighbours()


def test_an_issued_invoice_says_everything(here: Neighbours) -> None:
    OrderForm.objects.update(discount_percent="12.50")
    here.bob.buys(input=4, output=1)
    here.come_to("2026-02-01")

    [invoice] = here.bob.get("invoices").json()["data"]

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
        "status": "open",
        "period": {"start": "2026-01-01", "end": "2026-02-01"},
        "issued_on": "2026-02-01",
        "due_on": "2026-03-03",
        "subtotal": usd(110_000),
        "discount": usd(13_750),
        "total": usd(96_250),
        "lines": [line("input", 88, 88_000, 11_000), line("output", 22, 22_000, 2_750)],
    }
    assert here.bob.get(f"invoices/{invoice['id']}").json() == invoice


def test_the_upcoming_invoice_says_what_it_will_come_to(here: Neighbours) -> None:
    here.bob.buys(input=4)
    here.come_to("2026-02-03")

    upcoming = here.bob.get("invoices/upcoming").json()

    assert upcoming == {
        "id": None,
        "number": None,
        "status": "open",
        "period": {"start": "2026-02-01", "end": "2026-03-01"},
        "issued_on": "2026-03-01",
        "due_on": "2026-03-31",
        "subtotal": usd(4 * 3 * 1_000),
        "discount": usd(0),
        "total": usd(4 * 3 * 1_000),
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


def test_the_projection_comes_true(here: Neighbours) -> None:
    OrderForm.objects.update(discount_percent="33.33")
    here.bob.buys(input=3)
    here.bob.buys(GPT, input=1, output=1)
    here.come_to("2026-02-03")
    projected = here.bob.get("invoices/upcoming").json()["projected_total"]
    here.come_to("2026-03-01")

    assert here.bob.get("invoices").json()["data"][0]["total"] == projected


def test_who_has_bought_nothing_has_an_empty_upcoming_invoice(here: Neighbours) -> None:
    upcoming = here.alice.get("invoices/upcoming").json()

    assert upcoming["lines"] == []
    assert upcoming["total"] == upcoming["projected_total"] == usd(0)
    assert here.alice.get("invoices").json() == {"data": [], "next": None}


def test_an_invoice_is_open_then_overdue_until_it_is_paid(here: Neighbours) -> None:
    here.bob.buys(input=1)

    def status_on(day: str) -> str:
        here.come_to(day)
        return str(here.bob.get("invoices").json()["data"][-1]["status"])

    assert [status_on("2026-02-01"), status_on("2026-03-03")] == ["open", "open"]
    assert status_on("2026-03-04") == "overdue"
    InvoicePayment.objects.update(status="paid")
    assert status_on("2026-03-05") == "paid"
    InvoicePayment.objects.update(status="void")
    assert status_on("2026-03-06") == "void"
    InvoicePayment.objects.update(status="uncollectible")
    assert status_on("2026-03-07") == "overdue"


def test_invoices_come_a_page_at_a_time_newest_first(here: Neighbours) -> None:
    here.bob.buys(input=1)
    here.come_to("2026-04-01")

    first = here.bob.get("invoices", limit=2).json()
    rest = here.bob.get("invoices", limit=2, cursor=first["next"]).json()

    assert [invoice["number"] for invoice in first["data"] + rest["data"]] == [3, 2, 1]
    assert rest["next"] is None


def test_more_invoices_take_no_more_queries(here: Neighbours) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            here.bob.get(path)
        return len(captured)

    here.bob.buys(input=1)
    here.come_to("2026-02-02")
    here.bob.get("invoices")
    one_invoice, one_upcoming = queries("invoices"), queries("invoices/upcoming")
    for model in (GROK, GPT):
        here.bob.buys(model, input=2, output=1)
    here.come_to("2026-05-02")
    here.bob.get("invoices")

    assert queries("invoices") <= one_invoice <= 12
    assert queries("invoices/upcoming") <= one_upcoming <= 12


def test_a_strangers_invoice_is_not_there(here: Neighbours) -> None:
    here.bob.buys(input=1)
    here.come_to("2026-02-01")
    invoice = here.bob.get("invoices").json()["data"][0]["id"]

    assert code(here.charlie.get(f"invoices/{invoice}")) == (404, "not_found")
    assert code(here.bob.get("invoices/inv_unknown")) == (404, "not_found")
    assert here.charlie.get("invoices").json()["data"] == []


def test_lines_add_up_to_the_charges_of_the_period(here: Neighbours) -> None:
    here.bob.buys(GPT, input=3, output=2)
    lot = here.bob.buys(input=5)["lots"][0]["id"]
    here.bob.cancels(lot, 2)
    here.come_to("2026-03-01")

    for invoice in here.bob.get("invoices").json()["data"]:
        period = {name: date.fromisoformat(text) for name, text in invoice["period"].items()}
        charges = here.bob.get(
            "charges", posted_from=period["start"], posted_to=period["end"], limit=200
        ).json()["data"]
        assert (
            sum(charge["amount"]["amount"] for charge in charges) == (invoice["subtotal"]["amount"])
        )
