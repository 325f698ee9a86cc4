"""Two people change roles at the same time: the second change sees the result of the first."""

from functools import partial

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Invitation, Membership, Role, User
from accounts.operations.audit import Actor
from accounts.operations.invitations import accept_invitation, invite
from accounts.operations.members import authorize_purchaser, set_role, withdraw_purchaser
from accounts.operations.organizations import lock_organization
from capacity.operations.days import open_due_days
from tests.cast import Acme, at, make_acme
from tests.concurrency.threads import Action, error_codes, run_in_queue

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-01-10")


@pytest.fixture
def acme() -> Acme:
    """Acme without due days: so the first lock that each thread takes is that of its own change."""
    acme = make_acme()
    open_due_days(organization=acme.organization, now=NOW)
    return acme


def test_two_first_acceptances_at_once_make_one_user_and_tell_the_other_to_sign_in(
    acme: Acme,
) -> None:
    globex = make_acme()
    open_due_days(organization=globex.organization, now=NOW)
    invitations = [
        invite(
            organization=each.organization,
            email="eve@example.com",
            role=Role.MEMBER,
            by=each.alice,
            now=NOW,
            real_now=NOW,
        )
        for each in (acme, globex)
    ]

    def accept(invitation: Invitation, name: str) -> User:
        return accept_invitation(
            invitation=invitation,
            name=name,
            password="a long enough password",
            by=Actor("page"),
            now=NOW,
            real_now=NOW,
        )

    first, second = (
        partial(accept, invitation, name)
        for invitation, name in zip(invitations, ("Eve", "Eva"), strict=True)
    )
    results = run_in_queue(first, second, behind=_block_new_users)
    assert error_codes(results) == ["not_allowed"]
    eve = User.objects.get(email="eve@example.com")
    assert eve.memberships.count() == 1
    assert eve.check_password("a long enough password")


def _block_new_users() -> None:
    """Let both see that there is no user yet, and stop them before they make one."""
    connection.cursor().execute("LOCK TABLE accounts_user IN SHARE MODE")


def role_change(acme: Acme, member: Actor, role: Role) -> Action:
    return partial(
        set_role,
        organization=acme.organization,
        user_id=member.person.public_id,
        role=role,
        by=acme.alice,
        now=NOW,
    )


def withdrawal(acme: Acme, member: Actor) -> Action:
    return partial(
        withdraw_purchaser,
        organization=acme.organization,
        user_id=member.person.public_id,
        by=acme.alice,
        now=NOW,
    )


def authorization(acme: Acme, member: Actor) -> Action:
    return partial(
        authorize_purchaser,
        organization=acme.organization,
        email=member.person.email,
        by=acme.alice,
        now=NOW,
    )


def role_of(acme: Acme, member: Actor) -> str:
    return Membership.objects.get(organization=acme.organization, user=member.person).role


def count_role_changes(acme: Acme) -> int:
    return acme.organization.audit_entries.filter(action="member.role_changed").count()


def test_bob_stays_an_owner_when_his_authorization_is_withdrawn_at_once(acme: Acme) -> None:
    results = run_in_queue(
        role_change(acme, acme.bob, Role.OWNER),
        withdrawal(acme, acme.bob),
        behind=partial(lock_organization, acme.organization),
    )
    assert error_codes(results) == ["not_found"]
    assert role_of(acme, acme.bob) == Role.OWNER


def test_mallory_stays_an_owner_when_she_is_authorized_at_once(acme: Acme) -> None:
    results = run_in_queue(
        role_change(acme, acme.mallory, Role.OWNER),
        authorization(acme, acme.mallory),
        behind=partial(lock_organization, acme.organization),
    )
    assert error_codes(results) == ["invalid_request"]
    assert role_of(acme, acme.mallory) == Role.OWNER


def test_an_authorization_is_withdrawn_once_and_given_once(acme: Acme) -> None:
    changes = {
        "not_found": withdrawal(acme, acme.bob),
        "invalid_request": authorization(acme, acme.mallory),
    }
    for code, change in changes.items():
        behind = partial(lock_organization, acme.organization)
        assert error_codes(run_in_queue(change, change, behind=behind)) == [code]
    assert count_role_changes(acme) == 2


def test_one_of_two_owners_stays_when_olga_and_alice_change_roles_at_once(
    acme: Acme, olga: Client
) -> None:
    role_change(acme, acme.bob, Role.OWNER)()
    membership = Membership.objects.get(organization=acme.organization, user=acme.alice.person)
    url = f"/operator/accounts/membership/{membership.pk}/change/"
    response, _ = results = run_in_queue(
        lambda: olga.post(url, {"role": Role.MEMBER}),
        role_change(acme, acme.bob, Role.MEMBER),
        behind=lambda: Membership.objects.select_for_update().get(pk=membership.pk),
    )
    assert response.status_code == 302
    assert error_codes(results) == ["not_allowed"]
    assert role_of(acme, acme.bob) == Role.OWNER
