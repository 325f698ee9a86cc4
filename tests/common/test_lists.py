"""Lists on pages: search, filters, order and pages, by parameters that anybody may type."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Invoice, InvoicePayment, InvoiceStatus
from billing.queries.invoices import invoices, invoices_with_status
from capacity.models import Lot
from tests.cast import GROK, Acme, day, make_acme, signed_in

pytestmark = pytest.mark.django_db

DAY = "2026-01-10"


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox, since a page reads the organization's clock. Three purchases, one of two lots."""
    acme = make_acme(DAY, is_sandbox=True)
    acme.buys(DAY, input=4, output=2)
    acme.buys(DAY, input=9)
    acme.cancels(acme.lot(acme.buys(DAY, input=1)), 1, DAY)
    return acme


@pytest.fixture
def read(acme: Acme) -> Callable[..., Any]:
    """Read the page of the model, with some parameters; returns the response."""
    alice, model = signed_in(acme.alice), reverse("model", args=[acme.organization.public_id, GROK])
    return lambda **query: alice.get(model, {name.replace("_", "-"): query[name] for name in query})


def units(response: Any) -> list[int]:
    return [lot.active_units for lot in response.context["lots"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 9, 2, 4]),
        ({"lots_sort": "oldest"}, [4, 2, 9, 1]),
        ({"lots_sort": "units"}, [9, 4, 2, 1]),
        ({"lots_kind": "output"}, [2]),
        ({"lots_state": "ending"}, [1]),
        ({"lots_state": "renewing", "lots_kind": "input"}, [9, 4]),
        ({"lots_q": " ALICE "}, [1, 9, 2, 4]),
        ({"lots_q": "nobody"}, []),
        ({"lots_q": "%"}, []),
        ({"lots_q": "4"}, []),
        ({"lots_q": "_' OR 1=1 --"}, []),
    ],
)
def test_lots_are_searched_filtered_and_ordered(
    read: Callable[..., Any], query: dict[str, str], expected: list[int]
) -> None:
    assert units(read(**query)) == expected


@pytest.mark.parametrize("column", ["public_id", "purchase__public_id", "project__name"])
def test_a_lot_is_found_by_a_part_of_an_id_or_name(read: Callable[..., Any], column: str) -> None:
    text = Lot.objects.filter(kind="output").values_list(column, flat=True).get()
    part = text[:12] + "…" if column.endswith("public_id") else text[2:]
    assert 2 in units(read(lots_q=part))


def test_each_list_keeps_its_filters_when_another_one_changes(read: Callable[..., Any]) -> None:
    page = read(lots_kind="output", transactions_type="cancellation", transactions_sort="oldest")
    assert units(page) == [2]
    assert [entry.type for entry in page.context["transactions"]] == ["cancellation"]
    cleared = page.context["lots"].cleared_query
    assert cleared == "transactions-type=cancellation&transactions-sort=oldest"
    assert '<input type="hidden" name="lots-kind" value="output">' in page.text


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ({"lots_kind": "colour"}, "Kind is never “colour”; it is ignored."),
        ({"lots_sort": "';DROP"}, "There is no order “&#x27;;DROP”; it is ignored."),
        ({"lots_q": "a" * 101}, "A search has at most 100 characters; it is ignored."),
        ({"lots": "x"}, "“x” is not the number of a page; this is page 1."),
        ({"lots": "0"}, "“0” is not the number of a page; this is page 1."),
        ({"lots": "-1"}, "“-1” is not the number of a page; this is page 1."),
        ({"lots": "٣"}, "“٣” is not the number of a page; this is page 1."),
        ({"lots": "9" * 30}, "is not the number of a page; this is page 1."),
        ({"lots": "999999999"}, "There is no page 999999999; this is the last one, 1."),
    ],
)
def test_what_is_not_understood_is_ignored_and_said(
    read: Callable[..., Any], query: dict[str, str], hint: str
) -> None:
    page = read(**query)
    assert page.status_code == 200
    assert units(page) == [1, 9, 2, 4]
    assert hint in page.text


def test_a_list_that_nothing_matches_offers_to_clear_the_filters(read: Callable[..., Any]) -> None:
    page = read(lots_q="nobody", lots="7")
    assert "No active lot matches" in page.text
    assert 'href="?#lots"' in page.text


def test_the_last_page_has_the_rest_in_the_order_of_the_list(
    acme: Acme, read: Callable[..., Any]
) -> None:
    for _ in range(26):
        acme.buys(DAY, input=1, output=1)
    first, last = units(read(lots_sort="units")), units(read(lots_sort="units", lots="99"))
    assert first[:3] == [9, 4, 2]
    assert (len(first), len(last)) == (50, 6)
    page = read(lots_sort="oldest", lots="99").context["lots"]
    assert [lot.pk for lot in page] == sorted(lot.pk for lot in page)
    assert page.page.end_index() == page.count == 56


def test_the_csv_of_lots_has_what_the_filters_leave(acme: Acme) -> None:
    address = reverse("lots_csv", args=[acme.organization.public_id, GROK])
    alice = signed_in(acme.alice)
    rows = read_csv(alice, address, "lots-kind=input&lots-sort=units&lots=3")
    assert [row["active_units"] for row in rows] == ["9", "4", "1"]
    assert rows[0]["bought_on"] == "2026-01-10"
    assert rows[0]["last_day_of_commitment"] == "2026-02-08"
    assert alice.get(f"{address}?lots-kind=colour").status_code == 400


def test_the_csv_of_transactions_has_what_the_filters_leave(acme: Acme) -> None:
    address = reverse("transactions_csv", args=[acme.organization.public_id, GROK])
    [row] = read_csv(signed_in(acme.alice), address, "transactions-type=cancellation")
    assert (row["units"], row["note"]) == ("1", "Last day 2026-02-08")


def read_csv(client: Client, address: str, query: str) -> list[dict[str, str]]:
    response = client.get(f"{address}?{query}")
    return list(csv.DictReader(StringIO(b"".join(response).decode())))


def test_members_are_found_and_a_changed_role_leads_back_to_them(acme: Acme) -> None:
    alice = signed_in(acme.alice)
    members = reverse("members", args=[acme.organization.public_id])
    query = "members-role=purchaser&members-q=BOB"
    page = alice.get(f"{members}?{query}")
    [bob] = page.context["members"]
    assert bob.user == acme.bob.person
    role = reverse("change_role", args=[acme.organization.public_id, bob.user.public_id])
    assert f'action="{role}?{query.replace("&", "&amp;")}"' in page.text
    answer = alice.post(f"{role}?{query}", {"role": "member"})
    assert answer["Location"] == f"{members}?{query}"


def test_sql_and_python_agree_on_the_status_of_an_invoice(acme: Acme) -> None:
    """`Invoice.status_on` and the filter by status state the same rule."""
    due = day("2026-03-01")
    for number, (status, total) in enumerate(
        (status, total) for status in ("open", "paid", "void", "uncollectible") for total in (0, 5)
    ):
        invoice = Invoice.objects.create(
            organization=acme.organization,
            number=number + 1,
            period_start=day(f"20{10 + number}-01-01"),
            period_end=day(f"20{10 + number}-02-01"),
            issued_on=day("2026-02-01"),
            due_on=due,
            currency="usd",
            subtotal=total,
            discount=0,
            total=total,
        )
        InvoicePayment.objects.create(
            invoice=invoice, organization=acme.organization, status=status
        )
    for on in ("2026-02-28", "2026-03-01", "2026-03-02"):
        rows = invoices(acme.organization)
        by_python = {invoice.pk: invoice.status_on(day(on)) for invoice in rows}
        by_sql = {
            pk: status.value
            for status in InvoiceStatus
            for pk in invoices_with_status(rows, status, on=day(on)).values_list("pk", flat=True)
        }
        assert by_sql == by_python
