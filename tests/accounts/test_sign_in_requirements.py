"""An organization requires a second factor (R24)."""

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role
from accounts.operations.emails import send_due_emails
from accounts.operations.members import add_member
from tests.accounts.test_permissions_api import ROUTES, make_objects, send
from tests.api_client import ApiCast, problem, with_session
from tests.cast import Acme, at, give_second_factor, person, signed_in

pytestmark = pytest.mark.django_db

REQUIRED, OPTIONAL = {"second_factor": True}, {"second_factor": False}


@pytest.fixture
def strict(api: ApiCast) -> ApiCast:
    """Acme, which requires a second factor since 2026-01-10. Alice has one, with a passkey."""
    give_second_factor(api.acme.alice, kind="webauthn")
    assert api.alice.put("sign-in-requirements", REQUIRED).status_code == 200
    return api


def explanation(acme: Acme) -> str:
    return reverse("second_factor_required", args=[acme.organization.public_id])


def test_recovery_codes_alone_are_no_second_factor(strict: ApiCast) -> None:
    give_second_factor(strict.acme.bob, kind="recovery_codes")

    assert signed_in(strict.acme.bob).get(explanation(strict.acme)).status_code == 403


def test_a_session_is_refused_by_every_route_of_the_api(api: ApiCast) -> None:
    objects = make_objects(api)
    give_second_factor(api.acme.alice)
    api.alice.put("sign-in-requirements", REQUIRED)
    bob = with_session(api.acme.bob, api.acme.organization)
    for route in ROUTES:
        response = send(bob, route, objects)
        assert problem(response) == (403, "not_allowed"), route
        assert "requires two-factor authentication" in response.json()["detail"], route


def test_another_organization_of_bob_is_not_concerned(strict: ApiCast) -> None:
    add_member(
        organization=strict.globex,
        user=strict.acme.bob.person,
        role=Role.PURCHASER,
        by=strict.acme.charlie,
        now=at("2026-01-10"),
    )
    bob = signed_in(strict.acme.bob)

    assert bob.get(reverse("scale_tier", args=[strict.globex.public_id])).status_code == 200
    assert with_session(strict.acme.bob, strict.globex).get("lots").status_code == 200
    assert with_session(strict.acme.bob, strict.acme.organization).get("lots").status_code == 403


def test_keys_are_refused_from_the_date_that_was_announced(strict: ApiCast) -> None:
    assert strict.alice.get("sign-in-requirements").json() == {
        "second_factor": True,
        "required_at": "2026-01-10T12:00:00Z",
        "keys_refused_from": "2026-01-17",
    }
    strict.set_clock("2026-01-16", "23:59")
    assert strict.bob.buys(input=1)

    strict.set_clock("2026-01-17", "00:00")

    refusal = strict.bob.get("lots")
    assert problem(refusal) == (403, "not_allowed")
    assert "Since 2026-01-17 UTC your API keys are refused" in refusal.json()["detail"]
    assert problem(strict.mallory.get("keys")) == (403, "not_allowed")
    assert strict.alice.get("lots").status_code == 200
    assert strict.charlie.get("lots").status_code == 200
    give_second_factor(strict.acme.bob)
    assert strict.bob.get("lots").status_code == 200
    Authenticator.objects.filter(user=strict.acme.alice.person).delete()
    assert strict.alice.get("lots").status_code == 403


def test_each_member_without_one_is_told_the_date_once(api: ApiCast) -> None:
    give_second_factor(api.acme.alice)
    give_second_factor(api.acme.bob)
    erin = person("Erin", api.acme.organization, Role.MEMBER)
    api.alice.put("sign-in-requirements", REQUIRED)
    api.alice.put("sign-in-requirements", REQUIRED)
    Authenticator.objects.create(user=erin.person, type="totp", data={})  # Before it is sent.

    send_due_emails(now=at("2026-01-10"))

    [message] = mail.outbox
    assert message.to == [api.acme.mallory.person.email]
    assert message.subject == "Acme requires two-factor authentication"
    assert "until the end of\n2026-01-16 UTC; from 2026-01-17 00:00 UTC on" in message.body
    [entry] = AuditEntry.objects.filter(action="sign_in_requirements.set")
    assert entry.before == {"second_factor": False, "keys_refused_from": None}
    assert entry.after == {"second_factor": True, "keys_refused_from": "2026-01-17"}


def test_it_ends_at_once_and_owners_are_told(strict: ApiCast) -> None:
    strict.set_clock("2026-01-20")
    assert strict.bob.get("lots").status_code == 403

    response = strict.alice.put("sign-in-requirements", OPTIONAL)

    assert response.json() == {
        "second_factor": False,
        "required_at": None,
        "keys_refused_from": None,
    }
    assert strict.bob.get("lots").status_code == 200
    assert (
        with_session(strict.acme.mallory, strict.acme.organization).get("keys").status_code == 200
    )
    send_due_emails(now=at("2026-01-20"))
    [message] = mail.outbox
    assert message.to == [strict.acme.alice.person.email]
    assert message.subject == "Acme no longer requires two-factor authentication"


def test_an_owner_without_one_cannot_require_it(api: ApiCast) -> None:
    refusal = api.alice.put("sign-in-requirements", REQUIRED)
    assert problem(refusal) == (403, "not_allowed")
    assert "for yourself first" in refusal.json()["detail"]
    alice = signed_in(api.acme.alice)
    page = reverse("require_second_factor", args=[api.acme.organization.public_id])
    assert "You have no second factor yourself" in alice.get(page).text
    assert "for yourself first" in alice.post(page, {"second_factor": "required"}, follow=True).text
    assert not api.alice.get("sign-in-requirements").json()["second_factor"]


def test_owners_see_who_has_one(api: ApiCast) -> None:
    give_second_factor(api.acme.bob, kind="webauthn")
    rows = api.alice.get("members").json()["data"]
    assert {row["name"]: (row["role"], row["second_factor"]) for row in rows} == {
        "Alice": ("owner", False),
        "Bob": ("purchaser", True),
        "Mallory": ("member", False),
    }
    members = reverse("members", args=[api.acme.organization.public_id])
    alice = signed_in(api.acme.alice)
    assert "2 members have none" in alice.get(members).text
    page = alice.get(members, {"members-factor": "on"}).context["members"]
    assert [member.user.name for member in page] == ["Bob"]


def test_alice_requires_it_on_the_page(api: ApiCast) -> None:
    give_second_factor(api.acme.alice)
    alice: Client = signed_in(api.acme.alice)
    page = reverse("require_second_factor", args=[api.acme.organization.public_id])
    dialog = alice.get(page, headers={"HX-Request": "true"}).text
    assert api.acme.mallory.person.email in dialog
    assert '<time datetime="2026-01-16">' in dialog
    shown = alice.post(page, {"second_factor": "required"}, follow=True).text
    assert "Acme requires two-factor authentication." in shown
    assert "Required since" in shown
    shown = alice.post(page, {"second_factor": "optional"}, follow=True).text
    assert "no longer requires" in shown
