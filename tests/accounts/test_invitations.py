"""Invitations: who joins by one, once, and with which role."""

from datetime import timedelta

import pytest

from accounts.access import Permission
from accounts.models import Invitation, Role, User
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.invitations import accept_invitation, invite
from accounts.operations.members import add_member, remove_member
from accounts.queries.api_keys import find_valid_api_key
from common.errors import NotAllowed, NotFound
from tests.cast import Acme, at

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")
PASSWORD = "a long enough password"


def make_invitation(acme: Acme, email: str = "eve@example.com") -> Invitation:
    return invite(
        organization=acme.organization, email=email, role=Role.PURCHASER, by=acme.alice, now=NOW
    )


def accept(invitation: Invitation, days_later: int = 1, by: User | None = None) -> User:
    return accept_invitation(
        invitation=invitation,
        name="Eve",
        password=PASSWORD,
        by=Actor("page", by),
        now=NOW + timedelta(days=days_later),
    )


def test_eve_joins_with_the_role_of_her_invitation(acme: Acme) -> None:
    eve = accept(make_invitation(acme))
    assert eve.check_password(PASSWORD)
    assert acme.allows(Actor("page", eve), Permission.BUY)


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
