"""The operator's desk: what waits, the search over everything, and the page of a customer."""

from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.test import Client

from accounts.models import Organization, OutboundEmail, Role
from accounts.operations.api_keys import create_api_key
from accounts.operations.changes import Caller
from accounts.operations.invitations import invite
from accounts.operations.operator_roles import OperatorRole
from billing.models import Invoice, InvoicePayment, InvoiceSync, ProviderEvent
from capacity.operations.quote_requests import request_quote
from capacity.queries.quote_requests import ExpectedTraffic
from common.ids import PublicIdField
from tests.accounts.test_operators import operator
from tests.cast import GROK, Acme, at, day, make_acme, person, signed_in, yesterday

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_minute")]

CUSTOMER_STATEMENTS = 40  # At most, for a page that shows everything of a customer.


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox with lots, a cancellation, and an invoice that is overdue; its days are open."""
    acme = make_acme("2026-03-19", is_sandbox=True)
    acme.cancels(acme.lot(acme.buys("2026-03-19", input=4, output=2)), 1, "2026-03-19")
    acme.open_days("2026-03-20")
    Organization.objects.filter(pk=acme.organization.pk).update(clock_at=at("2026-03-20"))
    invoice = Invoice.objects.create(
        organization=acme.organization,
        number=1,
        period_start=day("2026-01-01"),
        period_end=day("2026-02-01"),
        issued_on=day("2026-02-01"),
        due_on=day("2026-03-03"),
        currency="usd",
        subtotal=132_000,
        discount=0,
        total=132_000,
    )
    InvoicePayment.objects.create(invoice=invoice, organization=acme.organization)
    InvoiceSync.objects.create(invoice=invoice, organization=acme.organization)
    return acme


def desk(browser: Client) -> dict[str, tuple[int, str, str]]:
    """What waits on the desk, with its count, the oldest, and the list it leads to."""
    response = browser.get("/operator/")
    assert response.status_code == 200
    return {
        state.queue.plural: (state.count, str(state.oldest), state.queue.url)
        for state in response.context["waiting"]
    }


@pytest.fixture
def troubled(catalogue: None) -> Acme:
    """A customer, since yesterday, with one of everything that can wait for an operator."""
    acme = make_acme(yesterday())
    request_quote(
        organization=acme.organization,
        models=[ExpectedTraffic(GROK, 40_000, 0)],
        note="",
        by=acme.alice,
        now=at(yesterday()),
    )
    OutboundEmail.objects.create(
        organization=acme.organization,
        kind="units_bought",
        about="x",
        created_at=at(yesterday()),
        failures=1,
        last_error="SMTPRecipientsRefused",
    )
    ProviderEvent.objects.create(
        event_id="evt_1",
        type="x",
        created_at=at(yesterday()),
        payload={},
        error="odd",
        received_at=at(yesterday()),
    )
    behind = make_acme("2026-01-01").organization
    Organization.objects.filter(pk=behind.pk).update(name="Behind")
    return acme


def test_a_quiet_desk_says_so(olga: Client) -> None:
    page = olga.get("/operator/")
    assert "Nothing waits for you." in page.text
    assert "Operators have changed nothing yet." in page.text
    names = [section["name"] for section in page.context["pages"]]
    assert names == sorted(set(names), key=names.index)
    assert "Other" not in names, "scaletier.desk.sections has no place for a page"


def test_the_desk_counts_what_waits_and_leads_to_it(
    olga: Client, troubled: Acme, acme: Acme
) -> None:
    overdue = Invoice.objects.get()
    Organization.objects.filter(pk=acme.organization.pk).update(is_sandbox=False, clock_at=None)
    InvoiceSync.objects.update(status="failed", last_error="No such customer")
    assert desk(olga) == {
        "open quote requests": (
            1,
            yesterday(),
            "/operator/capacity/quoterequest/?status__exact=open",
        ),
        "overdue customers": (
            1,
            str(overdue.due_on),
            "/operator/billing/invoice/?standing=overdue",
        ),
        "failed syncs of invoices": (
            1,
            str(overdue.issued_on),
            "/operator/billing/invoicesync/?status__exact=failed",
        ),
        "unreadable events": (
            1,
            yesterday(),
            "/operator/billing/providerevent/?error__isempty=0",
        ),
        "failed mail": (
            1,
            yesterday(),
            "/operator/accounts/outboundemail/?sent_at__isempty=1&failures__gt=0",
        ),
        "customers behind": (
            2,
            "2026-01-02",
            "/operator/accounts/organization/?days=behind",
        ),
    }
    for count, _, url in desk(olga).values():
        changelist = olga.get(url).context["cl"]
        assert changelist.result_count == count, url


@pytest.mark.parametrize("role", OperatorRole)
def test_each_role_sees_what_waits_and_may_do_its_own(troubled: Acme, role: OperatorRole) -> None:
    browser = operator(role)
    assert len(desk(browser)) == 4
    page = browser.get(customer(troubled)).text
    may = {
        "Write an order form": {OperatorRole.SALES},
        "Add a member": {OperatorRole.SALES, OperatorRole.SUPPORT},
        ">Change<": {OperatorRole.SALES},
    }
    for label, roles in may.items():
        assert (label in page) == (role in roles), label


def test_operators_without_rights_and_customers_see_nothing(troubled: Acme) -> None:
    nobody = operator()
    assert desk(nobody) == {}
    assert "Ask a superuser for a role" in nobody.get("/operator/").text
    assert nobody.get(customer(troubled)).status_code == 403
    found = nobody.get("/operator/search/", {"q": "Acme"})
    assert "Nothing that you may see" in found.text
    alice = signed_in(troubled.alice)
    for path in ("/operator/", "/operator/search/?q=Acme", customer(troubled)):
        assert alice.get(path).status_code == 302
        assert Client().get(path).status_code == 302


def customer(acme: Acme) -> str:
    return f"/operator/customers/{acme.organization.public_id}/"


def test_an_exact_id_of_any_kind_leads_to_its_page(olga: Client, acme: Acme) -> None:
    caller = Caller(organization=acme.organization, by=acme.alice, now=at("2026-03-20"))
    create_api_key(**caller, name="CI")
    invite(**caller, email="d@example.com", role=Role.MEMBER, real_now=at("2999-01-01"))
    request_quote(**caller, models=[ExpectedTraffic(GROK, 40_000, 0)], note="")
    missing = []
    for model in apps.get_models():
        if not any(isinstance(field, PublicIdField) for field in model._meta.fields):
            continue
        row = model.objects.first()  # type: ignore[attr-defined]
        if row is None:
            missing.append(model.__name__)
            continue
        for text in (row.public_id, f"  {row.public_id.upper()} "):
            response = olga.get("/operator/search/", {"q": text})
            assert response.status_code == 302, text
        page = olga.get(response["Location"])
        assert page.status_code == 200
        assert row.public_id in page.text or str(row.organization) in page.text
    assert missing == ["SpendAlert", "PurchaseRequest"]


def test_other_text_leads_to_a_short_list(olga: Client, acme: Acme) -> None:
    Organization.objects.bulk_create(
        Organization(name=f"Acme {number}", created_at=at("2026-01-01"), opened_until="2026-01-02")
        for number in range(30)
    )

    def search(text: str) -> dict[str, list[str]]:
        found = olga.get("/operator/search/", {"q": text}).context["found"]
        return {results.title: [row.name for row in results.rows] for results in found}

    assert len(search("aCME")["Customers"]) == 10
    assert search(acme.bob.person.email) == {"People": [f"Bob <{acme.bob.person.email}>"]}
    number = acme.organization.invoices.get().display_number
    for text in ("invoice 1", number, number.lower()):
        assert search(text) == {"Invoices": [f"Invoice {number} of Acme"]}
    lot = acme.organization.lots.order_by("pk")[0].public_id
    assert search(f"{lot[:12]}…") == {"Ids that begin so": [lot]}
    assert search("lot_") == search("%") == search("\0") == search("'; --") == {}
    assert search("") == {}


def test_a_customers_page_shows_everything_and_leads_to_every_action(
    olga: Client, acme: Acme
) -> None:
    TOTP.activate(acme.bob.person, generate_totp_secret())
    assert "Not required" in olga.get(customer(acme)).text
    Organization.objects.filter(pk=acme.organization.pk).update(
        second_factor_required_at=at("2026-03-19"), keys_refused_from=day("2026-03-26")
    )
    page = olga.get(customer(acme)).text
    for text in (
        acme.organization.public_id,
        "whose clock stands at",
        "Overdue: invoice",
        "4 input units",
        "2 output units",
        "126,000",
        "$1,320.00",
        "Record payment",
        "Reset",
        ">2026-03-19</time> UTC",
        'are refused from <time datetime="2026-03-26">',
        "Bought 4 input units and 2 output units of",
        "2026-03-20",
    ):
        assert text in page, text
    invoice = acme.organization.invoices.get()
    form = {"action": "record_payment", "_selected_action": [invoice.pk]}
    assert "They become paid, for" in olga.post("/operator/billing/invoice/", form).text


def test_a_customers_page_takes_no_more_statements_with_many_rows(
    olga: Client, acme: Acme, django_assert_max_num_queries: Any
) -> None:
    def count() -> int:
        with django_assert_max_num_queries(CUSTOMER_STATEMENTS) as statements:
            assert olga.get(customer(acme)).status_code == 200
        return len(statements)

    InvoicePayment.objects.update(status="paid")
    count()  # The first request stores the session.
    few = count()
    for number in range(12):
        acme.buys("2026-03-20", GROK, input=1)
        person(f"M{number}", acme.organization, Role.MEMBER)
    assert count() <= few  # Fewer: the latest changes name no order form any more.


def test_the_page_of_a_customer_whose_day_cannot_be_opened_opens(
    olga: Client, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    Organization.objects.filter(pk=acme.organization.pk).update(clock_at=at("2026-05-01"))
    assert "Customers behind" in olga.get(customer(acme)).text
    assert Organization.objects.get(pk=acme.organization.pk).opened_until == at("2026-03-21").date()
