"""Invoices, their lines, their charges and the lots behind them, as pages and as CSV."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization, Project, Role
from accounts.operations.audit import Actor
from accounts.operations.projects import create_project
from billing.models import Charge, Invoice, InvoicePayment, InvoiceSync, OrderForm
from billing.queries.invoices import statement_of
from tests.api_client import Neighbours, neighbours
from tests.cast import GPT, GROK, at, day, make_acme, person

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def here() -> Neighbours:
    """Acme bought on the last day of January; it is the second day of February."""
    everyone = neighbours("2026-01-31")
    OrderForm.objects.update(discount_percent="12.50")
    everyone.bob.buys(input=4, output=2)
    everyone.come_to("2026-02-02")
    everyone.bob.get("invoices")
    return everyone


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.person, backend=BACKEND)
    return client


def url(here: Neighbours, route: str, *rest: str) -> str:
    return reverse(route, args=[here.acme.organization.public_id, *rest])


def invoice() -> Invoice:
    return Invoice.objects.latest("pk")


def lines(found: Invoice) -> list[str]:
    return [line.key for line in statement_of(found, on=day("2026-02-02")).lines]


def every_page(here: Neighbours) -> Iterator[str]:
    found = invoice().public_id
    yield url(here, "invoices")
    yield url(here, "invoice", "upcoming")
    yield url(here, "invoice", found)
    yield url(here, "invoice_line", found, lines(invoice())[0])
    yield url(here, "invoice_charges", found)
    yield url(here, "lot", Charge.objects.earliest("pk").lot)


def test_who_comes_in(here: Neighbours) -> None:
    acme = here.acme
    allowed = [(acme.alice, 200), (acme.bob, 200), (acme.mallory, 403), (acme.charlie, 404)]
    for page in every_page(here):
        assert [browser(who).get(page).status_code for who, _ in allowed] == [
            status for _, status in allowed
        ], page
        assert Client().get(page).status_code == 302


def test_charlie_finds_no_invoice_of_acmes_in_his_own_organization(here: Neighbours) -> None:
    charlie = browser(here.acme.charlie)
    for page in every_page(here):
        his = page.replace(here.acme.organization.public_id, here.globex.public_id)
        shared = his.endswith(("/invoices/", "/upcoming/"))
        assert charlie.get(his).status_code == (200 if shared else 404), his


def test_only_those_who_may_see_invoices_are_shown_the_way(here: Neighbours) -> None:
    link = f'href="{url(here, "invoices")}"'
    assert link in browser(here.acme.bob).get(url(here, "scale_tier")).content.decode()
    assert link not in browser(here.acme.mallory).get(url(here, "api_keys")).content.decode()


def test_bob_reads_what_is_issued_and_what_is_coming(here: Neighbours) -> None:
    page = browser(here.acme.bob).get(url(here, "invoices")).content.decode()

    assert "Invoice 1" in page
    assert "$60.00" in page  # Six units for a day.
    assert "−$7.50" in page
    assert "$52.50" in page
    assert "$105.00" in page  # Two days of February so far,
    assert "$1,470.00" in page  # of 28.


def test_why_was_i_charged_this_is_answered_in_two_clicks(here: Neighbours) -> None:
    bob = browser(here.acme.bob)
    line = url(here, "invoice_line", invoice().public_id, lines(invoice())[1])
    lot = Charge.objects.get(type="first_term", kind="output").lot

    assert line in bob.get(url(here, "invoice", invoice().public_id)).content.decode()
    assert url(here, "lot", lot) in (page := bob.get(line).content.decode())
    assert "1 charge" in page
    page = bob.get(url(here, "lot", lot)).content.decode()
    assert f"2 output units of {GROK}" in page
    assert "First term to 2026-02-01" in page


def test_a_line_of_the_upcoming_invoice_leads_to_its_charges_too(here: Neighbours) -> None:
    bob = browser(here.acme.bob)
    first = bob.get(url(here, "invoice", "upcoming")).context["statement"].lines[0]
    address = url(here, "invoice_line", "upcoming", first.key)
    here.bob.buys(GPT, input=1)  # Another line comes before it: the address stays its own.

    charges = bob.get(address).context["charges"]
    assert [str(charge.posted_on) for charge in charges] == ["2026-02-01", "2026-02-02"]
    assert bob.get(url(here, "invoice_line", "upcoming", "nothing")).status_code == 404


def test_what_is_open_can_be_paid_where_the_provider_takes_it(here: Neighbours) -> None:
    bob, page = browser(here.acme.bob), url(here, "invoice", invoice().public_id)
    assert "Pay $52.50" not in bob.get(page).content.decode()

    InvoiceSync.objects.update(hosted_url="https://pay.example/1")
    assert 'href="https://pay.example/1"' in bob.get(page).content.decode()

    InvoicePayment.objects.update(status="paid")
    assert "https://pay.example/1" not in (paid := bob.get(page).content.decode())
    assert "Paid" in paid


def test_before_anything_is_bought_there_is_nothing_to_see(here: Neighbours) -> None:
    charlie = browser(here.acme.charlie)
    page = charlie.get(reverse("invoices", args=[here.globex.public_id])).content.decode()
    assert "No invoices yet" in page
    assert "Nothing is charged in this period yet" in page


def test_lists_of_charges_are_paged(here: Neighbours) -> None:
    InvoicePayment.objects.update(status="paid")  # Else they would end before there are so many.
    here.come_to("2026-03-24")
    here.bob.get("invoices")
    lot = Charge.objects.earliest("pk").lot
    page = browser(here.acme.bob).get(url(here, "lot", lot), {"charges": 2})
    assert "51–53 of 53" in page.content.decode()


def test_more_charges_take_no_more_queries(here: Neighbours) -> None:
    bob = browser(here.acme.bob)

    def queries() -> list[int]:
        counts = []
        for page in every_page(here):
            with CaptureQueriesContext(connection) as captured:
                b"".join(bob.get(page))
            counts.append(len(captured))
        return counts

    queries()  # Notes the session.
    few = queries()
    for model in (GROK, GPT):
        here.bob.buys(model, input=1, output=1)
    here.come_to("2026-03-01")
    here.bob.get("invoices")

    assert queries() == few
    assert max(few) <= 30


def read_csv(here: Neighbours, key: str) -> list[dict[str, str]]:
    answer = browser(here.acme.bob).get(url(here, "invoice_charges", key))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.streaming
    return list(csv.DictReader(StringIO(b"".join(answer).decode())))


def test_the_csv_has_every_charge_of_the_invoice(here: Neighbours) -> None:
    rows = read_csv(here, invoice().public_id)

    lot = Charge.objects.get(type="first_term", kind="input")
    assert rows[0] == {
        "charge": lot.public_id,
        "posted_on": "2026-01-31",
        "type": "first_term",
        "model": GROK,
        "kind": "input",
        "lot": lot.lot,
        "project": "Default project",
        "service_from": "2026-01-31",
        "service_to": "2026-02-01",
        "units": "4",
        "price_per_day": "1000",
        "amount": "4000",
        "currency": "usd",
        "discount_percent": "12.5",
    }
    assert sum(int(row["amount"]) for row in rows) == invoice().subtotal
    assert len(read_csv(here, "upcoming")) == 4


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", " =1+1"])
def test_no_spreadsheet_takes_a_name_for_a_formula(here: Neighbours, name: str) -> None:
    Project.objects.filter(organization=here.acme.organization).update(name=name)

    assert read_csv(here, invoice().public_id)[0]["project"] == f"'{name}"


class TestTheClockBar:
    """Owners move a sandbox's clock from any of its pages (R13)."""

    def move(self, here: Neighbours, who: Actor, to: str, **rest: Any) -> Any:
        return browser(who).post(url(here, "move_clock"), {"to": to, **rest})

    def test_alice_moves_it_and_comes_back_to_where_she_was(self, here: Neighbours) -> None:
        was = url(here, "invoices") + "?issued=1"

        answer = self.move(here, here.acme.alice, "2026-02-04", next=was)

        assert (answer.status_code, answer["Location"]) == (302, was)
        acme = Organization.objects.get(pk=here.acme.organization.pk)
        assert acme.clock_at == at("2026-02-04", "00:00")

    def test_she_reads_what_that_did(self, here: Neighbours) -> None:
        alice = browser(here.acme.alice)
        answer = alice.post(
            url(here, "move_clock"),
            {"to": "2026-03-01T00:00:00Z", "next": url(here, "invoices")},
            follow=True,
        )
        assert (
            "The clock stands at 2026-03-01 00:00 UTC: 27 days opened, 54 charges, 1 invoice."
            in answer.content.decode()
        )

    def test_every_step_that_it_offers_can_be_taken(self, here: Neighbours) -> None:
        page = browser(here.acme.alice).get(url(here, "invoices")).content.decode()
        for step in ("2026-02-03T12:00:00Z", "2026-02-09T12:00:00Z", "2026-03-01T00:00:00Z"):
            assert f'value="{step}"' in page
        assert 'min="2026-02-03" max="2026-03-05"' in page

    @pytest.mark.parametrize(
        ("to", "problem"),
        [
            ("2026-02-01", "never goes back"),
            ("2026-03-06", "at most 31 days"),
            ("soon", "Enter a date"),
            ("", "Choose a date"),
        ],
    )
    def test_what_is_wrong_stands_beside_what_was_typed(
        self, here: Neighbours, to: str, problem: str
    ) -> None:
        was = url(here, "invoices")
        answer = self.move(here, here.acme.alice, to, next=was)

        assert answer.status_code == 422
        page = answer.content.decode()
        assert problem in page
        assert f'name="to" id="clock-to" value="{to}"' in page
        assert f'name="next" value="{was}"' in page

    @pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "/\\evil"])
    def test_it_leads_nowhere_else(self, here: Neighbours, next_page: str) -> None:
        answer = self.move(here, here.acme.alice, "2026-02-04", next=next_page)
        assert answer["Location"] == url(here, "organization")

    def test_bob_and_mallory_may_only_read_it(self, here: Neighbours) -> None:
        for who, page in ((here.acme.bob, "invoices"), (here.acme.mallory, "api_keys")):
            seen = browser(who).get(url(here, page)).content.decode()
            assert "clock stands at" in seen
            assert "Move clock" not in seen
            assert self.move(here, who, "2026-02-04").status_code == 403
        assert self.move(here, here.acme.charlie, "2026-02-04").status_code == 404

    def test_a_real_organization_has_none(self) -> None:
        initech = make_acme(f"{timezone.now():%Y-%m-%d}").organization
        peter = browser(person("Peter", initech, Role.OWNER))
        page = peter.get(reverse("api_keys", args=[initech.public_id])).content.decode()
        assert "Sandbox" not in page
        move = reverse("move_clock", args=[initech.public_id])
        assert peter.post(move, {"to": "2026-01-11"}).status_code == 403
        assert peter.get(move).status_code == 403


def test_a_charge_names_its_project(here: Neighbours) -> None:
    project = create_project(
        organization=here.acme.organization,
        name="Research",
        by=here.acme.alice,
        now=at("2026-02-02"),
    )
    here.acme.buys("2026-02-02", project=project.public_id, input=1)
    assert read_csv(here, "upcoming")[-1]["project"] == "Research"
