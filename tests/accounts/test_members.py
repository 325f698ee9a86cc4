"""Members and their roles (R18)."""

import pytest

from accounts.access import Permission
from accounts.models import AuditEntry, Membership, Role
from accounts.operations.api_keys import create_api_key
from accounts.operations.changes import Caller
from accounts.operations.members import (
    LastOwner,
    add_member,
    authorize_purchaser,
    remove_member,
    set_role,
    withdraw_purchaser,
)
from accounts.queries.api_keys import find_valid_api_key
from common.errors import InvalidRequest, NotFound
from tests.cast import Acme, at, make_acme

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


def test_every_change_of_a_member_leaves_an_entry(acme: Acme) -> None:
    charlie = acme.charlie.person
    subject = charlie.public_id
    caller = Caller(organization=acme.organization, by=acme.alice, now=NOW)
    add_member(user=charlie, role=Role.MEMBER, **caller)
    authorize_purchaser(email=charlie.email, **caller)
    withdraw_purchaser(user_id=subject, **caller)
    set_role(user_id=subject, role=Role.OWNER, **caller)
    remove_member(user_id=subject, **caller)

    entries = AuditEntry.objects.filter(subject=subject, actor=acme.alice.user).order_by("pk")

    assert list(entries.values_list("action", "before", "after")) == [
        ("member.added", None, {"email": charlie.email, "role": "member"}),
        ("member.role_changed", {"role": "member"}, {"role": "purchaser"}),
        ("member.role_changed", {"role": "purchaser"}, {"role": "member"}),
        ("member.role_changed", {"role": "member"}, {"role": "owner"}),
        ("member.removed", {"email": charlie.email, "role": "owner"}, None),
    ]


def test_a_removed_member_keeps_the_keys_of_other_organizations(acme: Acme) -> None:
    bob, globex = acme.bob, make_acme()
    add_member(
        organization=globex.organization,
        user=bob.person,
        role=Role.MEMBER,
        by=globex.alice,
        now=NOW,
    )
    here, there = (
        create_api_key(organization=company.organization, name="CI", by=bob, now=NOW)[1]
        for company in (acme, globex)
    )
    remove_member(
        organization=acme.organization, user_id=bob.person.public_id, by=acme.alice, now=NOW
    )
    assert find_valid_api_key(here) is None
    assert find_valid_api_key(there)


def test_nobody_makes_a_key_in_an_organization_that_they_have_left(acme: Acme) -> None:
    with pytest.raises(NotFound):
        create_api_key(organization=acme.organization, name="CI", by=acme.charlie, now=NOW)
