"""For outsiders another organization does not exist, on any page and in any filter (R18).

The ids are real ones of Acme: whoever belongs to Acme finds something under each of them. That the
routes of the API are closed is tested beside the table of permissions.
"""

import re
from http import HTTPStatus

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from accounts.models import Role
from accounts.operations.invitations import invite
from billing.queries.upcoming_invoice import find_statement
from capacity.models import Purchase
from common.fragments import FRAGMENT_HEADER
from tests.api_client import ApiCast
from tests.cast import GROK, at, give_second_factor, signed_in, unsigned_form

pytestmark = pytest.mark.django_db

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ROUTES_INSIDE = [
    str(pattern.pattern)
    for app in get_resolver().url_patterns
    for pattern in getattr(app, "url_patterns", [])
    if isinstance(pattern, URLPattern) and "organization_id" in str(pattern.pattern)
]
SCALE_TIER = "organizations/<slug:organization_id>/settings/scale-tier/"
ROUTES_WITH_IDS = [
    route for route in ROUTES_INSIDE if re.search("<(?!slug:organ|str:model)", route)
]


@pytest.fixture
def ids(api: ApiCast) -> dict[str, str]:
    """An id of Acme for each parameter of a route."""
    acme, alice = api.acme, api.alice
    lot = alice.buys(input=4)["lots"][0]["id"]
    cancellation = alice.cancels(lot, 1)["id"]
    invitation = invite(
        organization=acme.organization,
        email="dora@example.com",
        role=Role.MEMBER,
        by=acme.alice,
        now=at("2026-01-10"),
        real_now=at("2999-01-01"),
    )
    key = alice.get("keys").json()["data"][0]["id"]
    alice.put("approval", {"threshold_per_day": 0})
    order = {"model": GROK, "units": {"input": 1}}
    request = api.bob.post("purchases", order, key="ask").json()["id"]
    capacity = {"models": [{"model": GROK, "input_tpm": 1}]}
    api.set_clock("2026-02-01")
    invoice = alice.get("invoices").json()["data"][0]["id"]
    line = find_statement(acme.organization, invoice, on=at("2026-02-01").date()).lines[0]
    return {
        "organization_id": acme.organization.public_id,
        "user_id": acme.bob.person.public_id,
        "invitation_id": invitation.public_id,
        "key_id": key,
        "model": GROK,
        "lot_id": lot,
        "request_id": request,
        "cancellation_id": cancellation,
        "invoice_id": invoice,
        "line_key": line.key,
        "quote_request_id": alice.post("quote-requests", capacity).json()["id"],
        "form_id": unsigned_form(acme).public_id,
        "limit_id": acme.organization.projects.get().public_id,
        "project_id": acme.organization.projects.get().public_id,
        "pool_id": acme.organization.pools.get().public_id,
        "start": "2026-01-10T12:00Z",
        "kind": "input",
    }


def address(route: str, ids: dict[str, str]) -> str:
    """The path of a route; fails for a parameter of which Acme has no id here."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda parameter: ids[parameter[1]], route)


def found(client: Client, paths: list[str]) -> list[str]:
    """The requests, of all methods, that are answered by anything but 404."""
    return [
        f"{method} {path}"
        for path in paths
        for method in METHODS
        if client.generic(method, path).status_code != HTTPStatus.NOT_FOUND
    ]


def test_the_routes_inside_organizations_are_found() -> None:
    assert len(ROUTES_INSIDE) > 20
    assert len(ROUTES_WITH_IDS) > 10


def test_charlie_finds_no_page_of_acme(api: ApiCast, ids: dict[str, str]) -> None:
    assert (
        found(signed_in(api.acme.charlie), [address(route, ids) for route in ROUTES_INSIDE]) == []
    )


def test_charlie_finds_nothing_of_acme_on_the_pages_of_globex(
    api: ApiCast, ids: dict[str, str]
) -> None:
    at_globex = ids | {"organization_id": api.globex.public_id}
    charlie = signed_in(api.acme.charlie)
    for route in ROUTES_WITH_IDS:
        path = address(route, at_globex)
        statuses = {charlie.generic(method, path).status_code for method in METHODS}
        assert statuses in ({HTTPStatus.NOT_FOUND}, {HTTPStatus.NOT_FOUND, 405}), path


def test_alice_finds_something_under_each_of_these_ids(api: ApiCast, ids: dict[str, str]) -> None:
    """Otherwise the tests above would prove nothing: an id that nobody has is found by nobody."""
    alice = signed_in(api.acme.alice)
    for route in ROUTES_INSIDE:
        path = address(route, ids)
        unchanged = transaction.savepoint()  # What one route ends, another finds.
        response = alice.get(path)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response = alice.post(path)
        assert response.status_code in {200, 302, 422}, path
        transaction.savepoint_rollback(unchanged)


def test_a_filter_by_an_id_of_acme_finds_at_globex_what_an_unknown_id_finds(
    api: ApiCast, ids: dict[str, str]
) -> None:
    filters = {
        "lots": {"project": Purchase.objects.get().project.public_id},
        "charges": {"lot": ids["lot_id"]},
        "audit": {"subject": ids["lot_id"], "actor": api.acme.alice.person.public_id},
    }
    for path, query in filters.items():
        unknown = {name: f"{value[:-1]}x" for name, value in query.items()}
        assert api.alice.get(path, **query).json()["data"], path
        assert api.charlie.get(path, **query).content == api.charlie.get(path, **unknown).content


def test_a_member_without_a_required_second_factor_is_led_to_it_from_every_page(
    api: ApiCast, ids: dict[str, str]
) -> None:
    give_second_factor(api.acme.alice, kind="webauthn")
    api.alice.put("sign-in-requirements", {"second_factor": True})
    bob = signed_in(api.acme.bob)
    explanation = reverse("second_factor_required", args=[api.acme.organization.public_id])
    for path in {address(route, ids) for route in ROUTES_INSIDE} - {explanation}:
        for response in (bob.get(path), bob.post(path)):
            assert response.status_code == HTTPStatus.FOUND, path
            assert response.headers["Location"] == explanation, path
        fragment = bob.get(path, headers={"HX-Request": "true"})
        assert fragment.headers["HX-Redirect"] == explanation, path
        assert fragment.headers[FRAGMENT_HEADER], path
    page = bob.get(explanation)
    assert page.status_code == HTTPStatus.FORBIDDEN
    assert "work until the end of" in page.text
    assert reverse("mfa_activate_totp") in page.text
    assert reverse("mfa_add_webauthn") in page.text

    give_second_factor(api.acme.bob)

    assert bob.get(address(SCALE_TIER, ids)).status_code == HTTPStatus.OK
    assert bob.get(explanation).status_code == HTTPStatus.FOUND
