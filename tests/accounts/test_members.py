"""Members and their roles (R18)."""

import pytest

from accounts.access import Permission
from accounts.models import Membership, Role
from accounts.operations.members import (
    LastOwner,
    authorize_purchaser,
    remove_member,
    set_role,
    withdraw_purchaser,
)
from common.errors import InvalidRequest
from tests.cast import Acme, at

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")


def test_bob_is_refused_at_once_when_his_authorization_is_withdrawn(acme: Acme) -> None:
    assert acme.allows(acme.bob, Permission.BUY)
    withdraw_purchaser(
        organization=acme.organization,
        user_id=acme.bob.person.public_id,
        by=acme.alice,
        now=NOW,
    )
    assert not acme.allows(acme.bob, Permission.BUY)


def test_alice_authorizes_mallory_by_email_in_any_case(acme: Acme) -> None:
    authorize_purchaser(
        organization=acme.organization,
        email=acme.mallory.person.email.upper(),
        by=acme.alice,
        now=NOW,
    )
    assert acme.allows(acme.mallory, Permission.BUY)


def test_only_a_member_can_be_authorized_and_only_once(acme: Acme) -> None:
    refusals = ((acme.charlie, "is not a member yet"), (acme.bob, "may buy already"))
    for actor, reason in refusals:
        with pytest.raises(InvalidRequest, match=reason):
            authorize_purchaser(
                organization=acme.organization, email=actor.person.email, by=acme.alice, now=NOW
            )


def test_the_last_owner_can_neither_leave_nor_step_down(acme: Acme) -> None:
    alice, bob = acme.alice.person.public_id, acme.bob.person.public_id

    def change_role(user_id: str, role: Role) -> None:
        set_role(organization=acme.organization, user_id=user_id, role=role, by=acme.alice, now=NOW)

    def remove(user_id: str) -> None:
        remove_member(organization=acme.organization, user_id=user_id, by=acme.alice, now=NOW)

    with pytest.raises(LastOwner, match="is the only owner"):
        change_role(alice, Role.MEMBER)
    with pytest.raises(LastOwner):
        remove(alice)
    change_role(bob, Role.OWNER)
    remove(alice)
    assert not Membership.objects.filter(user=acme.alice.user).exists()
