"""Members, roles and the one door (R18, contract section 3)."""

from datetime import timedelta

import pytest

from accounts.access import Permission, authorize
from accounts.models import Invitation, Membership, Role, User
from accounts.operations.api_keys import create_api_key
from accounts.operations.audit import Actor
from accounts.operations.invitations import accept_invitation, invite
from accounts.operations.members import (
    LastOwner,
    add_member,
    authorize_purchaser,
    remove_member,
    set_role,
    withdraw_purchaser,
)
from accounts.queries.api_keys import find_valid_api_key
from common.errors import InvalidRequest, NotAllowed, NotFound
from tests.cast import Acme, at, make_acme

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")


@pytest.fixture
def acme() -> Acme:
    return make_acme()


def may(acme: Acme, who: Actor, permission: Permission) -> bool:
    try:
        authorize(
            user=who.person,
            organization_id=acme.organization.public_id,
            permission=permission,
        )
    except NotAllowed:
        return False
    return True


def test_each_role_may_do_what_the_contract_s_table_says(acme: Acme) -> None:
    rights = {
        name: {permission.name for permission in Permission if may(acme, who, permission)}
        for name, who in (("alice", acme.alice), ("bob", acme.bob), ("mallory", acme.mallory))
    }
    assert rights == {
        "alice": {permission.name for permission in Permission},
        "bob": {"SCALE_TIER", "BUY", "LIMITS_AND_INVOICES", "OWN_API_KEYS"},
        "mallory": {"OWN_API_KEYS"},
    }


@pytest.mark.parametrize("permission", Permission)
def test_refuses_charlie_who_is_outside_as_if_there_were_nothing(
    acme: Acme, permission: Permission
) -> None:
    with pytest.raises(NotFound) as outside:
        may(acme, acme.charlie, permission)
    with pytest.raises(NotFound) as nowhere:
        authorize(user=acme.charlie.person, organization_id="org_none", permission=permission)
    assert str(outside.value) == str(nowhere.value)


def test_a_refusal_says_who_may(acme: Acme) -> None:
    with pytest.raises(NotAllowed, match="Only an owner or an authorized purchaser may buy"):
        authorize(
            user=acme.mallory.person,
            organization_id=acme.organization.public_id,
            permission=Permission.BUY,
        )


def test_bob_is_refused_at_once_when_his_authorization_is_withdrawn(acme: Acme) -> None:
    assert may(acme, acme.bob, Permission.BUY)
    withdraw_purchaser(
        organization=acme.organization,
        user_id=acme.bob.person.public_id,
        by=acme.alice,
        now=NOW,
    )
    assert not may(acme, acme.bob, Permission.BUY)


def test_alice_authorizes_mallory_by_email_in_any_case(acme: Acme) -> None:
    authorize_purchaser(
        organization=acme.organization,
        email=acme.mallory.person.email.upper(),
        by=acme.alice,
        now=NOW,
    )
    assert may(acme, acme.mallory, Permission.BUY)


def test_only_a_member_can_be_authorized_and_only_once(acme: Acme) -> None:
    for who, says in ((acme.charlie, "is not a member yet"), (acme.bob, "may buy already")):
        with pytest.raises(InvalidRequest, match=says):
            authorize_purchaser(
                organization=acme.organization, email=who.person.email, by=acme.alice, now=NOW
            )


def test_the_last_owner_can_neither_leave_nor_step_down(acme: Acme) -> None:
    alice, bob = acme.alice.person.public_id, acme.bob.person.public_id

    def sets_role(user_id: str, role: Role) -> None:
        set_role(organization=acme.organization, user_id=user_id, role=role, by=acme.alice, now=NOW)

    def leaves(user_id: str) -> None:
        remove_member(organization=acme.organization, user_id=user_id, by=acme.alice, now=NOW)

    with pytest.raises(LastOwner, match="is the only owner"):
        sets_role(alice, Role.MEMBER)
    with pytest.raises(LastOwner):
        leaves(alice)
    sets_role(bob, Role.OWNER)
    leaves(alice)
    assert not Membership.objects.filter(user=acme.alice.user).exists()


def invited(acme: Acme, email: str = "eve@example.com") -> Invitation:
    return invite(
        organization=acme.organization, email=email, role=Role.PURCHASER, by=acme.alice, now=NOW
    )


def accept(invitation: Invitation, days_later: int = 1, by: User | None = None) -> User:
    return accept_invitation(
        invitation=invitation,
        name="Eve",
        password="a long enough password",
        by=Actor("page", by),
        now=NOW + timedelta(days=days_later),
    )


def test_eve_joins_by_invitation_with_the_role_she_was_asked_for(acme: Acme) -> None:
    eve = accept(invited(acme))
    assert eve.check_password("a long enough password")
    assert may(acme, Actor("page", eve), Permission.BUY)


def test_an_invitation_is_good_once_and_for_a_fortnight(acme: Acme) -> None:
    first = invited(acme)
    replacement = invited(acme)
    with pytest.raises(NotFound):
        accept(first)
    with pytest.raises(NotFound):
        accept(replacement, days_later=14)
    accept(replacement)
    with pytest.raises(NotFound):
        accept(replacement)


def test_someone_who_is_a_user_accepts_themselves_and_keeps_their_password(acme: Acme) -> None:
    charlie = acme.charlie.person
    charlie.set_password("his own password")
    charlie.save()
    invitation = invited(acme, charlie.email)
    with pytest.raises(NotAllowed, match="Sign in as them"):
        accept(invitation)
    accept(invitation, by=charlie)
    charlie.refresh_from_db()
    assert charlie.check_password("his own password")
    assert may(acme, acme.charlie, Permission.BUY)


def test_a_removed_member_s_key_stays_dead_when_they_join_again(acme: Acme) -> None:
    _, secret = create_api_key(organization=acme.organization, name="Old", by=acme.mallory, now=NOW)
    mallory = acme.mallory.person
    remove_member(organization=acme.organization, user_id=mallory.public_id, by=acme.alice, now=NOW)
    accept(invited(acme, mallory.email), by=mallory)
    assert find_valid_api_key(secret) is None


def test_an_invitation_of_someone_who_joined_meanwhile_leaves_their_role(acme: Acme) -> None:
    invitation = invited(acme, acme.charlie.person.email)
    add_member(
        organization=acme.organization,
        user=acme.charlie.person,
        role=Role.MEMBER,
        by=acme.alice,
        now=NOW,
    )
    accept(invitation, by=acme.charlie.person)
    assert not may(acme, acme.charlie, Permission.BUY)
