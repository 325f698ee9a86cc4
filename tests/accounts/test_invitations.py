"""Invitations: who joins by one, once, and with which role."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.access import Permission
from accounts.models import Invitation, Role, User
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from accounts.operations.emails import send_due_emails
from accounts.operations.invitations import (
    TooManyInvitations,
    accept_invitation,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from accounts.operations.members import add_member, remove_member, set_role
from accounts.queries.api_keys import find_valid_api_key
from accounts.queries.members import find_invitation, pending_invitations
from common.errors import InvalidRequest, NotAllowed, NotFound
from tests.cast import Acme, at, make_acme, signed_in

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")
PASSWORD = "a long enough password"


@pytest.fixture
def sandbox(catalogue: None) -> Acme:
    """Acme on a clock that stands: its pages have no days to open."""
    return make_acme(is_sandbox=True)


def make_invitation(
    acme: Acme, email: str = "eve@example.com", by: Actor | None = None
) -> Invitation:
    return invite(
        organization=acme.organization,
        email=email,
        role=Role.PURCHASER,
        by=by or acme.alice,
        now=NOW,
        real_now=NOW,
    )


def accept(invitation: Invitation, days_later: int = 1, by: User | None = None) -> User:
    return accept_invitation(
        invitation=invitation,
        name="Eve",
        password=PASSWORD,
        by=Actor("page", by),
        now=NOW,
        real_now=NOW + timedelta(days=days_later),
    )


def test_eve_joins_with_the_role_of_her_invitation(acme: Acme) -> None:
    invitation = make_invitation(acme)
    entry = acme.organization.audit_entries.get(action="member.invited", actor=acme.alice.user)
    assert entry.subject == invitation.public_id
    assert entry.after == {"email": "eve@example.com", "role": "purchaser"}
    eve = accept(invitation)
    assert eve.check_password(PASSWORD)
    assert acme.allows(Actor("page", eve), Permission.BUY)
    entry = acme.organization.audit_entries.get(action="member.added", subject=eve.public_id)
    assert entry.actor == eve
    assert entry.after == {
        "email": "eve@example.com",
        "role": Role.PURCHASER,
        "invitation": invitation.public_id,
        "invited_by": acme.alice.person.public_id,
    }


def test_an_invitation_is_good_once_and_for_two_weeks(acme: Acme) -> None:
    replaced = make_invitation(acme)
    invitation = make_invitation(acme)
    with pytest.raises(NotFound):
        accept(replaced)
    with pytest.raises(NotFound):
        accept(invitation, days_later=14)
    accept(invitation)
    with pytest.raises(NotFound):
        accept(invitation)


def test_charlie_who_is_a_user_accepts_in_person_and_keeps_his_password(acme: Acme) -> None:
    charlie = acme.charlie.person
    charlie.set_password("his own password")
    charlie.save()
    invitation = make_invitation(acme, charlie.email)
    with pytest.raises(NotAllowed, match="Sign in as them"):
        accept(invitation)
    accept(invitation, by=charlie)
    charlie.refresh_from_db()
    assert charlie.check_password("his own password")
    assert acme.allows(acme.charlie, Permission.BUY)


def test_the_key_of_mallory_stays_revoked_when_she_joins_again(acme: Acme) -> None:
    _, secret = create_api_key(organization=acme.organization, name="Old", by=acme.mallory, now=NOW)
    mallory = acme.mallory.person
    remove_member(organization=acme.organization, user_id=mallory.public_id, by=acme.alice, now=NOW)
    accept(make_invitation(acme, mallory.email), by=mallory)
    assert find_valid_api_key(secret) is None


def test_an_invitation_of_charlie_who_joined_meanwhile_leaves_his_role(acme: Acme) -> None:
    invitation = make_invitation(acme, acme.charlie.person.email)
    add_member(
        organization=acme.organization,
        user=acme.charlie.person,
        role=Role.MEMBER,
        by=acme.alice,
        now=NOW,
    )
    accept(invitation, by=acme.charlie.person)
    assert not acme.allows(acme.charlie, Permission.BUY)


def mailed_token() -> str:
    """The secret in the newest email."""
    send_due_emails(now=NOW)
    link = re.search(r"/invitations/([^/\s]+)/", str(mail.outbox[-1].body))
    assert link
    return link[1]


def test_the_secret_is_in_the_email_and_nowhere_else(sandbox: Acme) -> None:
    invitation = make_invitation(sandbox)
    token = mailed_token()
    [message] = mail.outbox
    assert message.to == ["eve@example.com"]
    assert message.subject == "Join Acme on Scale Tier"
    assert find_invitation(token) == invitation
    alice = signed_in(sandbox.alice)
    members = alice.get(reverse("members", args=[sandbox.organization.public_id])).text
    audit = alice.get("/api/v1/audit").text
    for place in (members, audit, *Invitation.objects.values_list("token_digest", flat=True)):
        assert token not in place
    for guess in (invitation.public_id, invitation.token_digest, ""):
        with pytest.raises(NotFound):
            find_invitation(guess)


def test_an_invitation_whose_email_was_not_sent_yet_cannot_be_accepted(acme: Acme) -> None:
    invitation = make_invitation(acme)
    assert Client().get(reverse("invitation", args=[invitation.public_id])).status_code == 404


@pytest.mark.parametrize(
    "email",
    [f"a@{'ä' * 60}.com", "eve@example.com\r\nBcc: mallory@example.com", "eve", "a b@example.com"],
)
def test_an_address_to_which_no_email_can_be_sent_is_refused(sandbox: Acme, email: str) -> None:
    page = signed_in(sandbox.alice).post(
        reverse("invite_member", args=[sandbox.organization.public_id]),
        {"email": email, "role": "member"},
    )
    assert page.status_code == 422
    assert not Invitation.objects.exists()


def test_the_rule_refuses_an_address_that_a_form_lets_through(acme: Acme) -> None:
    with pytest.raises(InvalidRequest, match="No email can be sent to"):
        make_invitation(acme, f"a@{'ä' * 60}.com")


def test_a_removed_owner_does_not_come_back_by_an_earlier_invitation(acme: Acme) -> None:
    mallory = acme.mallory.person
    change = Caller(organization=acme.organization, by=acme.alice, now=NOW)
    set_role(**change, user_id=mallory.public_id, role=Role.OWNER)
    by_mallory = make_invitation(acme, "second.address@example.com", by=acme.mallory)
    by_alice = make_invitation(acme, "eve@example.com")
    remove_member(**change, user_id=mallory.public_id)
    with pytest.raises(NotFound):
        accept(by_mallory)
    accept(by_alice)


def test_an_owner_who_becomes_a_member_leaves_no_invitation(acme: Acme) -> None:
    mallory = acme.mallory.person
    change = Caller(organization=acme.organization, by=acme.alice, now=NOW)
    set_role(**change, user_id=mallory.public_id, role=Role.OWNER)
    make_invitation(acme, by=acme.mallory)
    set_role(**change, user_id=mallory.public_id, role=Role.MEMBER)
    assert not pending_invitations(acme.organization).exists()


def test_any_owner_withdraws_an_invitation(acme: Acme) -> None:
    invitation = make_invitation(acme)
    token = mailed_token()
    withdraw_invitation(
        organization=acme.organization,
        invitation_id=invitation.public_id,
        by=acme.alice,
        now=NOW,
    )
    with pytest.raises(NotFound):
        find_invitation(token)
    entry = acme.organization.audit_entries.get(action="invitation.withdrawn")
    assert entry.before == {"email": "eve@example.com", "role": "purchaser"}
    with pytest.raises(NotFound):
        withdraw_invitation(
            organization=acme.organization,
            invitation_id=invitation.public_id,
            by=acme.alice,
            now=NOW,
        )


def test_nothing_is_sent_for_an_invitation_that_was_withdrawn_first(acme: Acme) -> None:
    invitation = make_invitation(acme)
    withdraw_invitation(
        organization=acme.organization,
        invitation_id=invitation.public_id,
        by=acme.alice,
        now=NOW,
    )
    send_due_emails(now=NOW)
    assert mail.outbox == []


def test_an_invitation_to_a_sandbox_expires_although_its_clock_stands_still(sandbox: Acme) -> None:
    invitation = make_invitation(sandbox)
    with pytest.raises(NotFound):
        accept(invitation, days_later=14)


def resend(acme: Acme, invitation: Invitation, *, minutes_later: int = 0) -> Invitation:
    return resend_invitation(
        organization=acme.organization,
        invitation_id=invitation.public_id,
        by=acme.alice,
        now=NOW,
        real_now=NOW + timedelta(minutes=minutes_later),
    )


def test_an_invitation_that_is_sent_again_has_a_new_link_and_two_more_weeks(acme: Acme) -> None:
    invitation = make_invitation(acme)
    old_token = mailed_token()

    again = resend(acme, invitation, minutes_later=15 * 24 * 60)  # The first one has expired.

    with pytest.raises(NotFound):
        find_invitation(old_token)  # At once, not only when the new email is sent.
    new_token = mailed_token()
    assert len(mail.outbox) == 2
    assert find_invitation(new_token) == again
    assert (again.email, again.role) == (invitation.email, invitation.role)
    entry = acme.organization.audit_entries.get(subject=again.public_id)
    assert (entry.after or {})["replaces"] == invitation.public_id
    accept(again, days_later=28)
    with pytest.raises(NotFound):
        resend(acme, again)


def test_one_address_gets_five_invitations_an_hour_from_an_organization(sandbox: Acme) -> None:
    invitation = make_invitation(sandbox)
    for _ in range(4):
        invitation = resend(sandbox, invitation)
    with pytest.raises(TooManyInvitations):
        resend(sandbox, invitation)
    withdraw_invitation(
        organization=sandbox.organization,
        invitation_id=invitation.public_id,
        by=sandbox.alice,
        now=NOW,
    )
    with pytest.raises(TooManyInvitations, match="Wait an hour"):
        make_invitation(sandbox)
    make_invitation(sandbox, "erin@example.com")
    make_invitation(make_acme(is_sandbox=True))
    send_due_emails(now=NOW - timedelta(minutes=61))
    make_invitation(sandbox)


def test_the_page_shows_the_state_of_each_invitation_and_sends_it_again(sandbox: Acme) -> None:
    _, sent, expired = (
        invite(
            organization=sandbox.organization,
            email=f"{name}@example.com",
            role=Role.MEMBER,
            by=sandbox.alice,
            now=NOW,
            real_now=real_now,
        )
        for name, real_now in (
            ("eve", at("2998-12-18")),
            ("erin", at("2998-12-18")),
            ("frank", at("2026-01-10")),
        )
    )
    Invitation.objects.filter(pk=sent.pk).update(token_digest="x")
    alice = signed_in(sandbox.alice)
    organization_id = sandbox.organization.public_id
    members = reverse("members", args=[organization_id])
    page = " ".join(re.sub("<[^>]+>", " ", alice.get(members).text).split())
    assert "eve@example.com Member Alice Being sent expires 2999-01-01 12:00" in page
    assert "erin@example.com Member Alice Sent expires 2999-01-01 12:00" in page
    assert "frank@example.com Member Alice Expired 2026-01-24 12:00" in page

    again = reverse("resend_invitation", args=[organization_id, expired.public_id])
    answer = alice.post(again, follow=True).text
    assert "A new invitation is on its way to frank@example.com" in answer
    assert alice.post(again).status_code == 404
    assert "Expired" not in alice.get(members).text
