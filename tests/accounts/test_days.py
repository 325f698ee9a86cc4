"""Nobody acts before due days are opened: on pages, in the API, by an invitation (R7)."""

from datetime import date

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role, User
from accounts.operations.invitations import invite, renew_token
from tests.api_client import ApiCast
from tests.cast import at, day, signed_in

pytestmark = pytest.mark.django_db

TODAY, TOMORROW = "2026-02-05", day("2026-02-06")


@pytest.fixture
def api(api: ApiCast) -> ApiCast:
    """No day was opened since 2026-01-10, and it is weeks later."""
    api.set_clock(TODAY)
    assert opened_until(api) == day("2026-01-11")
    return api


def opened_until(api: ApiCast) -> date:
    api.acme.organization.refresh_from_db()
    return api.acme.organization.opened_until


@pytest.mark.parametrize("name", ["organization", "members", "api_keys"])
def test_a_page_about_people_opens_due_days(api: ApiCast, name: str) -> None:
    url = reverse(name, args=[api.acme.organization.public_id])
    assert signed_in(api.acme.alice).get(url).status_code in {200, 302}
    assert opened_until(api) == TOMORROW


@pytest.mark.parametrize("path", ["keys", "purchasers", "projects", "audit", "clock"])
def test_a_request_to_the_api_opens_due_days(api: ApiCast, path: str) -> None:
    assert api.alice.get(path).status_code == 200
    assert opened_until(api) == TOMORROW


def test_due_days_are_opened_before_a_key_is_made(api: ApiCast) -> None:
    assert api.mallory.post("keys", {"name": "New"}).status_code == 201
    assert opened_until(api) == TOMORROW


@pytest.mark.parametrize("has_user", [False, True], ids=["signing-up", "signed-in"])
def test_due_days_are_opened_before_an_invitation_is_accepted(api: ApiCast, has_user: bool) -> None:
    organization, charlie = api.acme.organization, api.acme.charlie
    email = charlie.person.email if has_user else "eve@example.com"
    organization.refresh_from_db()
    invitation = invite(
        organization=organization,
        email=email,
        role=Role.MEMBER,
        by=api.acme.alice,
        now=at(TODAY),
        real_now=timezone.now(),
    )
    with transaction.atomic():
        token = renew_token(invitation)
    browser = signed_in(charlie) if has_user else Client()
    form = {"name": "Eve", "password": "a long enough password"}
    browser.post(reverse("invitation", args=[token]), form)
    user = User.objects.get(email=email)
    assert Membership.objects.filter(organization=organization, user=user).exists()
    assert opened_until(api) == TOMORROW


def test_a_request_that_is_refused_opens_no_days(api: ApiCast) -> None:
    assert api.mallory.get("audit").status_code == 403
    url = reverse("members", args=[api.acme.organization.public_id])
    assert signed_in(api.acme.charlie).get(url).status_code == 404
    assert opened_until(api) == day("2026-01-11")
