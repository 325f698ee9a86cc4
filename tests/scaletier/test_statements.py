"""A request takes the same number of SQL statements for many rows as for a few.

The organization has hard limits and a threshold for approval, which take the most statements.
"""

from typing import Any
from uuid import uuid4

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.operations.changes import Caller
from accounts.operations.projects import create_project
from billing.domain.money import Money
from billing.operations.limits import set_spend_limit
from capacity.models import Lot, PurchaseRequest, Snapshot
from capacity.operations.approvals import decline_request, set_approval_threshold
from capacity.operations.cancellations import cancel_units
from capacity.operations.pools import create_pool
from capacity.operations.purchases import buy_units
from capacity.usage.models import UsageAlert
from tests.cast import GPT, GROK, Acme, at, load_catalogue, make_acme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_minute")]

DAY = "2026-01-10"
PAGE, SLIDER_MOVE, PURCHASE, CANCELLATION = 12, 10, 25, 20  # SQL statements at most.
FILTERS = (
    "lots-q=alice&lots-kind=input&lots-sort=units&expired-q=lot&transactions-type=purchase"
    "&transactions-q=alice&transactions-sort=oldest"
)
HTMX = {"HX-Request": "true", "HX-Target": "summary"}


@pytest.fixture
def acme() -> Acme:
    """A sandbox: pages read the organization's clock, and here it does not run."""
    load_catalogue()
    acme = make_acme(DAY, is_sandbox=True)
    acme.buys(DAY, input=4, output=2)
    acme.buys(DAY, GPT, input=4, output=2)
    set_approval_threshold(
        organization=acme.organization, threshold=Money(50_000, "usd"), by=acme.alice, now=at(DAY)
    )
    _ask(acme)
    for project in (None, acme.organization.projects.get().public_id):
        set_spend_limit(
            organization=acme.organization,
            project_id=project,
            amount=Money(10**9, "usd"),
            is_hard=True,
            alerts=[100],
            by=acme.alice,
            now=at(DAY),
        )
    return acme


def _ask(acme: Acme) -> PurchaseRequest:
    """Bob asks for approval of a purchase."""
    request = buy_units(
        organization=acme.organization, model=GPT, units={"input": 5}, by=acme.bob, now=at(DAY)
    )
    assert isinstance(request, PurchaseRequest)
    return request


def _request(acme: Acme) -> PurchaseRequest:
    return PurchaseRequest.objects.filter(organization=acme.organization).earliest("pk")


@pytest.fixture
def alice(client: Client, acme: Acme) -> Client:
    """Alice, signed in. Her first request this minute has stored the use of her session."""
    client.force_login(acme.alice.person)
    client.get(_settings(acme) + "members/")
    return client


def _settings(acme: Acme) -> str:
    return f"/organizations/{acme.organization.public_id}/settings/"


def _pages(acme: Acme) -> dict[str, str]:
    settings = _settings(acme)
    lot = Lot.objects.filter(snapshot__model=GROK).earliest("pk")
    form = acme.organization.order_forms.get().public_id
    return {
        "Scale Tier": f"{settings}scale-tier/",
        "model": f"{settings}scale-tier/models/{GROK}/",
        "filtered lists": f"{settings}scale-tier/models/{GROK}/?{FILTERS}",
        "last page of a list": f"{settings}scale-tier/models/{GROK}/?lots=999",
        "lot": f"{settings}scale-tier/lots/{lot.public_id}/",
        "timeline": f"{settings}scale-tier/timeline/",
        "timeline of a model": f"{settings}scale-tier/models/{GROK}/timeline/",
        "Checkout": f"{settings}scale-tier/add/checkout/?model={GROK}&input=2",
        "timeline in Checkout": f"{settings}scale-tier/add/checkout/timeline/?model={GROK}&input=2",
        "Add capacity": f"{settings}scale-tier/add/?model={GROK}&input=2",
        "purchase requests": f"{settings}purchase-requests/",
        "decided requests": f"{settings}purchase-requests/?decided-q=bob&decided-status=declined",
        "order form": f"{settings}order-form/",
        "one order form": f"{settings}order-form/forms/{form}/",
        "limits": f"{settings}limits/",
        "forecast": f"{settings}forecast/",
        "usage": f"{settings}usage/",
        "landing": f"{settings}usage/landing/?model={GROK}&input_tokens=10",
        "showback": f"{settings}showback/",
        "usage alerts": f"{settings}usage/alerts/?alerts-rule=idle&alerts-q=grok",
        "unused and exhausted": f"{settings}scale-tier/callouts/",
        "plan capacity": f"{settings}plan-capacity/?input_tpm=60000",
        "billing details": f"{settings}billing-details/",
        "invoices": f"{settings}invoices/",
        "upcoming invoice": f"{settings}invoices/upcoming/",
        "projects": f"{settings}projects/",
        "members": f"{settings}members/",
        "API keys": f"{settings}api-keys/",
        "audit log": f"{settings}audit-log/?entries-q=alice&entries-subject={lot.public_id}",
    }


def _slider_moves(acme: Acme) -> dict[str, str]:
    base = f"{_settings(acme)}scale-tier/"
    lot = Lot.objects.filter(snapshot__model=GROK, kind="input").earliest("pk")
    project = acme.organization.projects.get(is_default=True).public_id
    plan = f"{_settings(acme)}plan-capacity/"
    return {
        "approval": f"{_settings(acme)}purchase-requests/{_request(acme).public_id}/approve/",
        "Summary": f"{base}add/summary/?model={GROK}&input=2&output=1",
        "Summary for a project": f"{base}add/summary/?model={GROK}&input=2&project={project}",
        "units for expected traffic": f"{plan}needs/?model={GROK}&input_tpm=60000",
        "replay": f"{plan}replay/?model={GROK}&input=2",
        "cancellation quote": f"{base}lots/{lot.public_id}/cancel/quote/?units=2",
        "timeline in an approval": f"{_settings(acme)}purchase-requests/"
        f"{_request(acme).public_id}/approve/timeline/",
        "timeline of a cancellation": f"{base}lots/{lot.public_id}/cancel/timeline/?units=2",
    }


def add_rows(acme: Acme) -> None:
    """Add more rows to every list than fit on one page."""
    for _ in range(30):
        purchase = acme.buys(DAY, input=2, output=2)
        cancel_units(
            organization=acme.organization,
            lot_id=purchase.lots.latest("pk").public_id,
            units=1,
            by=acme.alice,
            now=at(DAY),
        )
    acme.buys(DAY, "gpt-5.4", combined=1)
    for _ in range(3):
        _ask(acme)
        decline_request(
            organization=acme.organization,
            request_id=_ask(acme).public_id,
            reason="",
            by=acme.alice,
            now=at(DAY),
        )
    UsageAlert.objects.bulk_create(
        UsageAlert(
            organization=acme.organization,
            rule="idle",
            snapshot=snapshot,
            pool_id=0,
            kind="input",
            starts_at=at(DAY),
            at=at(DAY),
            number=7,
            units=1,
            per_day=1,
        )
        for snapshot in Snapshot.objects.filter(model__contains="g")
    )
    for number in range(3):
        name = f"No. {number}"
        change = Caller(organization=acme.organization, by=acme.alice, now=at(DAY))
        create_project(**change, name=name)
        create_pool(**change, model=GROK, name=name)


def test_a_page_takes_no_more_statements_when_there_are_many_rows(
    acme: Acme, alice: Client, django_assert_max_num_queries: Any, subtests: pytest.Subtests
) -> None:
    def count_statements(address: str) -> int:
        with django_assert_max_num_queries(PAGE) as statements:
            assert alice.get(address).status_code == 200
        return len(statements)

    few = {name: count_statements(address) for name, address in _pages(acme).items()}
    add_rows(acme)
    for name, address in _pages(acme).items():
        with subtests.test(name):
            assert count_statements(address) == few[name]


def test_moving_a_slider_takes_no_more_statements_when_there_are_many_rows(
    acme: Acme, alice: Client, django_assert_max_num_queries: Any, subtests: pytest.Subtests
) -> None:
    def count_statements(address: str) -> int:
        with django_assert_max_num_queries(SLIDER_MOVE) as statements:
            assert alice.get(address, headers=HTMX).status_code == 200
        return len(statements)

    few = {name: count_statements(address) for name, address in _slider_moves(acme).items()}
    add_rows(acme)
    for name, address in _slider_moves(acme).items():
        with subtests.test(name):
            assert count_statements(address) == few[name]


def test_alice_buys_with_no_more_statements_when_there_are_many_rows(
    acme: Acme, alice: Client, django_assert_max_num_queries: Any
) -> None:
    def buy() -> None:
        query = f"model={GROK}&input=2&output=1"
        response = alice.post(
            f"{_settings(acme)}scale-tier/add/checkout/?{query}",
            {"model": GROK, "input": 2, "output": 1, "key": uuid4().hex},
            headers=HTMX,
        )
        assert response.headers["HX-Redirect"].endswith(f"/models/{GROK}/")

    with django_assert_max_num_queries(PURCHASE) as few:
        buy()
    add_rows(acme)
    with django_assert_max_num_queries(PURCHASE) as many:
        buy()
    assert len(many) == len(few)


def test_alice_cancels_with_no_more_statements_when_there_are_many_rows(
    acme: Acme, alice: Client, django_assert_max_num_queries: Any
) -> None:
    lot = Lot.objects.filter(snapshot__model=GROK, kind="input").earliest("pk")

    def cancel() -> None:
        response = alice.post(
            f"{_settings(acme)}scale-tier/lots/{lot.public_id}/cancel/",
            {"units": 1, "key": uuid4().hex},
            headers=HTMX,
        )
        assert response.headers["HX-Redirect"].endswith(f"/models/{GROK}/")

    with django_assert_max_num_queries(CANCELLATION) as few:
        cancel()
    add_rows(acme)
    with django_assert_max_num_queries(CANCELLATION) as many:
        cancel()
    assert len(many) == len(few)


def test_the_use_of_a_session_is_stored_once_a_minute_and_at_once_from_a_new_address(
    acme: Acme, alice: Client
) -> None:
    session = UserSession.objects.get()
    alice.get(f"{_settings(acme)}members/")
    assert UserSession.objects.get().last_seen_at == session.last_seen_at
    alice.get(f"{_settings(acme)}members/", REMOTE_ADDR="192.0.2.7")
    assert UserSession.objects.get().ip == "192.0.2.7"
