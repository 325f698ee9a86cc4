"""Pages of invoices, lines, charges and the lots behind them; charges as CSV."""

import csv
from collections.abc import Iterator
from io import StringIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import Organization, Project
from accounts.operations.projects import create_project
from billing.models import Charge, Invoice, InvoicePayment, InvoiceSync
from billing.queries.invoices import statement_of
from tests.api_client import ApiCast, make_api_cast
from tests.cast import GPT, GROK, at, day, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(catalogue: None) -> ApiCast:
    """Acme bought on the last day of January; it is the second day of February."""
    api = make_api_cast("2026-01-31", discount="12.5")
    api.bob.buys(input=4, output=2)
    api.set_clock("2026-02-02")
    api.bob.get("invoices")
    return api


def url(api: ApiCast, route: str, *rest: str) -> str:
    return reverse(route, args=[api.acme.organization.public_id, *rest])


def get_invoice() -> Invoice:
    return Invoice.objects.latest("pk")


def line_keys(invoice: Invoice) -> list[str]:
    return [line.key for line in statement_of(invoice, on=day("2026-02-02")).lines]


def urls(api: ApiCast) -> Iterator[str]:
    invoice = get_invoice()
    yield url(api, "invoices")
    yield url(api, "invoice", "upcoming")
    yield url(api, "invoice", invoice.public_id)
    yield url(api, "invoice_line", invoice.public_id, line_keys(invoice)[0])
    yield url(api, "invoice_charges", invoice.public_id)
    yield url(api, "invoice_pdf", invoice.public_id)
    yield url(api, "lot", Charge.objects.earliest("pk").lot)


def test_refuses_mallory_charlie_and_whoever_is_not_signed_in(api: ApiCast) -> None:
    people = [api.acme.alice, api.acme.bob, api.acme.mallory, api.acme.charlie]
    for page in urls(api):
        statuses = [signed_in(actor).get(page).status_code for actor in people]
        assert statuses == [200, 200, 403, 404], page
        assert Client().get(page).status_code == 302


def test_charlie_finds_no_invoice_of_acme_in_globex(api: ApiCast) -> None:
    charlie = signed_in(api.acme.charlie)
    for page in urls(api):
        page_of_globex = page.replace(api.acme.organization.public_id, api.globex.public_id)
        is_of_every_organization = page_of_globex.endswith(("/invoices/", "/upcoming/"))
        status = 200 if is_of_every_organization else 404
        assert charlie.get(page_of_globex).status_code == status, page_of_globex


def test_only_those_who_may_read_invoices_see_the_link(api: ApiCast) -> None:
    link = f'href="{url(api, "invoices")}"'
    assert link in signed_in(api.acme.bob).get(url(api, "scale_tier")).content.decode()
    assert link not in signed_in(api.acme.mallory).get(url(api, "api_keys")).content.decode()


def test_bob_reads_the_issued_and_the_upcoming_invoice(api: ApiCast) -> None:
    page = signed_in(api.acme.bob).get(url(api, "invoices")).content.decode()

    assert 'Invoice <span class="nowrap">ACM-0001</span>' in page
    assert "$60.00" in page  # Six units for a day.
    assert "$60.00 − $7.50 discount" in page
    assert "$52.50" in page
    assert "$105.00" in page  # Two days of February so far,
    assert "$1,470.00" in page  # of 28.


def test_two_clicks_lead_from_an_invoice_to_the_lot_behind_a_line(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    invoice = get_invoice()
    line = url(api, "invoice_line", invoice.public_id, line_keys(invoice)[1])
    lot = Charge.objects.get(type="first_term", kind="output").lot

    assert line in bob.get(url(api, "invoice", invoice.public_id)).content.decode()
    line_page = bob.get(line).content.decode()
    assert url(api, "lot", lot) in line_page
    assert "1 charge" in line_page
    lot_page = bob.get(url(api, "lot", lot)).content.decode()
    assert f'2 output units of <span class="whole">{GROK}' in lot_page
    assert 'Last day of the first term <span class="nowrap">2026-01-31' in lot_page


def test_a_line_of_the_upcoming_invoice_leads_to_its_charges_too(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    first = bob.get(url(api, "invoice", "upcoming")).context["statement"].lines[0]
    line = url(api, "invoice_line", "upcoming", first.key)
    api.bob.buys(GPT, input=1)  # Another line comes before it now; its URL stays the same.

    charges = bob.get(line).context["charges"]
    assert [str(charge.posted_on) for charge in charges] == ["2026-02-01", "2026-02-02"]
    assert bob.get(url(api, "invoice_line", "upcoming", "nothing")).status_code == 404


def test_an_open_invoice_links_to_the_page_of_the_provider_until_it_is_paid(api: ApiCast) -> None:
    bob, page = signed_in(api.acme.bob), url(api, "invoice", get_invoice().public_id)
    assert "Pay $52.50" not in bob.get(page).content.decode()

    InvoiceSync.objects.update(hosted_url="https://pay.example/1")
    assert 'href="https://pay.example/1"' in bob.get(page).content.decode()

    InvoicePayment.objects.update(status="paid")
    paid_page = bob.get(page).content.decode()
    assert "https://pay.example/1" not in paid_page
    assert "Paid" in paid_page


@pytest.mark.parametrize(
    ("key", "is_sandbox", "sync", "reason"),
    [
        ("sk_test_1", True, "pending", "The button to pay appears here"),
        ("", True, "pending", "in this sandbox no payment provider takes it"),
        ("", False, "pending", "Pay $52.50 by bank transfer, naming invoice ACM-0001"),
        ("sk_test_1", False, "failed", "Pay $52.50 by bank transfer, naming invoice ACM-0001"),
    ],
)
def test_an_open_invoice_without_a_button_to_pay_says_why(
    api: ApiCast, settings: Settings, key: str, is_sandbox: bool, sync: str, reason: str
) -> None:
    settings.STRIPE_SECRET_KEY = key
    bob, page = signed_in(api.acme.bob), url(api, "invoice", get_invoice().public_id)
    now = at("2026-02-02")
    Organization.objects.filter(pk=api.acme.organization.pk).update(
        is_sandbox=is_sandbox, clock_at=now if is_sandbox else None, opened_until=day("2199-01-01")
    )
    InvoiceSync.objects.update(status=sync)
    assert reason in " ".join(bob.get(page).text.split())
    InvoicePayment.objects.update(status="paid")
    assert reason not in " ".join(bob.get(page).text.split())


def test_invoices_are_filtered_and_downloaded(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)
    for query, expected in {
        "": [1],
        "issued-status=open": [1],
        "issued-status=paid": [],
        "issued-q=invoice 1": [1],
        "issued-q=2": [],
        "issued-q=acm-0001": [1],
        "issued-q=ABC-0001": [],
        f"issued-q={GROK[:6].upper()}": [1],
        f"issued-q={'9' * 40}": [],
    }.items():
        page = bob.get(f"{url(api, 'invoices')}?{query}")
        assert [statement.number for statement in page.context["statements"]] == expected, query
        lines = b"".join(bob.get(f"{url(api, 'invoices_csv')}?{query}")).decode().splitlines()
        assert len(lines) == 1 + len(expected)
    assert bob.get(f"{url(api, 'invoices_csv')}?issued-status=late").status_code == 400


def test_charlie_who_has_bought_nothing_reads_that_there_are_no_invoices(api: ApiCast) -> None:
    charlie = signed_in(api.acme.charlie)
    page = charlie.get(reverse("invoices", args=[api.globex.public_id])).content.decode()
    assert "No invoices yet" in page
    assert "Nothing is charged in this period yet" in page


def test_charges_of_a_lot_are_paged(api: ApiCast) -> None:
    InvoicePayment.objects.update(status="paid")  # Otherwise the units would expire before.
    api.set_clock("2026-03-24")
    api.bob.get("invoices")
    lot = Charge.objects.earliest("pk").lot
    page = signed_in(api.acme.bob).get(url(api, "lot", lot), {"charges": 2})
    assert "51–53 of 53" in page.content.decode()


@pytest.mark.usefixtures("same_minute")
def test_more_charges_take_no_more_queries(api: ApiCast) -> None:
    bob = signed_in(api.acme.bob)

    def count_queries() -> list[int]:
        counts = []
        for page in urls(api):
            with CaptureQueriesContext(connection) as queries:
                b"".join(bob.get(page))
            counts.append(len(queries))
        return counts

    count_queries()  # The first request also records the use of the session.
    # From here on list prices are read: the commitment ends within the period.
    api.set_clock("2026-03-02")
    api.bob.get("invoices")
    InvoicePayment.objects.update(status="paid")
    few = count_queries()
    for model in (GROK, GPT):
        api.bob.buys(model, input=1, output=1)
    api.set_clock("2026-04-01")
    api.bob.get("invoices")

    assert count_queries() == few
    assert max(few) <= 30


def read_csv(api: ApiCast, key: str) -> list[dict[str, str]]:
    response = signed_in(api.acme.bob).get(url(api, "invoice_charges", key))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    return list(csv.DictReader(StringIO(b"".join(response).decode())))


def test_the_csv_has_a_row_for_each_charge_of_the_invoice(api: ApiCast) -> None:
    rows = read_csv(api, get_invoice().public_id)

    charge = Charge.objects.get(type="first_term", kind="input")
    assert rows[0] == {
        "charge": charge.public_id,
        "posted_on_utc": "2026-01-31",
        "type": "first_term",
        "model": GROK,
        "kind": "input",
        "lot": charge.lot,
        "project": "Default project",
        "service_from_utc": "2026-01-31",
        "last_service_day_utc": "2026-01-31",
        "service_days": "1",
        "token_units": "4",
        "price_per_unit_day_minor_units": "1000",
        "amount_minor_units": "4000",
        "currency": "usd",
        "discount_percent": "12.5",
    }
    assert sum(int(row["amount_minor_units"]) for row in rows) == get_invoice().subtotal
    assert len(read_csv(api, "upcoming")) == 4


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", " =1+1"])
def test_a_project_name_in_the_csv_is_never_a_formula(api: ApiCast, name: str) -> None:
    Project.objects.filter(organization=api.acme.organization).update(name=name)

    assert read_csv(api, get_invoice().public_id)[0]["project"] == f"'{name}"


def test_a_row_of_the_csv_names_the_project(api: ApiCast) -> None:
    project = create_project(
        organization=api.acme.organization,
        name="Research",
        by=api.acme.alice,
        now=at("2026-02-02"),
    )
    api.acme.buys("2026-02-02", project=project.public_id, input=1)
    assert read_csv(api, "upcoming")[-1]["project"] == "Research"
