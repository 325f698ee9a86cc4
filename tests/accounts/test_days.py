"""Nobody acts in an organization whose days are not open: pages, API and invitations alike (R7)."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, User
from accounts.operations.audit import Actor
from accounts.operations.invitations import invite
from tests.api_client import Neighbours, neighbours
from tests.cast import at, day

pytestmark = pytest.mark.django_db

OUTAGE_ENDS, TOMORROW = "2026-02-05", day("2026-02-06")


@pytest.fixture
def here() -> Neighbours:
    """Nothing was opened since 2026-01-10, and it is weeks later."""
    here = neighbours("2026-01-10")
    here.come_to(OUTAGE_ENDS)
    assert opened_until(here) == day("2026-01-11")
    return here


def opened_until(here: Neighbours) -> date:
    here.acme.organization.refresh_from_db()
    return here.acme.organization.opened_until


def browser(who: Actor) -> Client:
    client = Client()
    client.force_login(who.person)
    return client


@pytest.mark.parametrize("name", ["organization", "members", "api_keys"])
def test_a_page_about_people_opens_what_is_due(here: Neighbours, name: str) -> None:
    address = reverse(name, args=[here.acme.organization.public_id])
    assert browser(here.acme.alice).get(address).status_code in {200, 302}
    assert opened_until(here) == TOMORROW


@pytest.mark.parametrize("path", ["keys", "purchasers", "projects", "audit", "clock"])
def test_the_api_opens_what_is_due_wherever_it_is_asked(here: Neighbours, path: str) -> None:
    assert here.alice.get(path).status_code == 200
    assert opened_until(here) == TOMORROW


def test_a_key_is_made_after_what_was_due_happened(here: Neighbours) -> None:
    assert here.mallory.post("keys", {"name": "New"}).status_code == 201
    assert opened_until(here) == TOMORROW


@pytest.mark.parametrize("known", [False, True], ids=["signing-up", "signed-in"])
def test_an_invitation_is_accepted_on_an_open_day(here: Neighbours, known: bool) -> None:
    organization, charlie = here.acme.organization, here.acme.charlie
    email = charlie.person.email if known else "eve@example.com"
    organization.refresh_from_db()
    invitation = invite(
        organization=organization,
        email=email,
        role=Role.MEMBER,
        by=here.acme.alice,
        now=at(OUTAGE_ENDS),
    )
    client = browser(charlie) if known else Client()
    about = {"name": "Eve", "password": "a long enough password"}
    client.post(reverse("invitation", args=[invitation.public_id]), about)
    user = User.objects.get(email=email)
    assert Membership.objects.filter(organization=organization, user=user).exists()
    assert opened_until(here) == TOMORROW


def test_who_may_not_enter_opens_nothing(here: Neighbours) -> None:
    assert here.mallory.get("audit").status_code == 403
    address = reverse("members", args=[here.acme.organization.public_id])
    assert browser(here.acme.charlie).get(address).status_code == 404
    assert opened_until(here) == day("2026-01-11")
