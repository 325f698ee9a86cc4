"""Two who change roles at the same time: the second decides by what the first has left."""

from functools import partial

import pytest
from django.test import Client

from accounts.models import Membership, Role, User
from accounts.operations.audit import Actor
from accounts.operations.members import authorize_purchaser, set_role, withdraw_purchaser
from accounts.operations.organizations import lock_organization
from capacity.operations.days import open_due_days
from tests.cast import Acme, at, make_acme
from tests.concurrency.threads import Action, codes, in_line

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-01-10")


@pytest.fixture
def acme() -> Acme:
    """Acme on an open day: the lock of its own change is the first that each thread takes."""
    acme = make_acme()
    open_due_days(organization=acme.organization, now=NOW)
    return acme


def becomes(acme: Acme, who: Actor, role: Role) -> Action:
    return partial(
        set_role,
        organization=acme.organization,
        user_id=who.person.public_id,
        role=role,
        by=acme.alice,
        now=NOW,
    )


def withdrawn(acme: Acme, who: Actor) -> Action:
    return partial(
        withdraw_purchaser,
        organization=acme.organization,
        user_id=who.person.public_id,
        by=acme.alice,
        now=NOW,
    )


def authorized(acme: Acme, who: Actor) -> Action:
    return partial(
        authorize_purchaser,
        organization=acme.organization,
        email=who.person.email,
        by=acme.alice,
        now=NOW,
    )


def role_of(acme: Acme, who: Actor) -> str:
    return Membership.objects.get(organization=acme.organization, user=who.person).role


def role_changes(acme: Acme) -> int:
    return acme.organization.audit_entries.filter(action="member.role_changed").count()


def test_bob_who_becomes_an_owner_meanwhile_loses_nothing_by_a_withdrawal(acme: Acme) -> None:
    results = in_line(
        becomes(acme, acme.bob, Role.OWNER),
        withdrawn(acme, acme.bob),
        behind=partial(lock_organization, acme.organization),
    )
    assert codes(results) == ["not_found"]
    assert role_of(acme, acme.bob) == Role.OWNER


def test_mallory_who_becomes_an_owner_meanwhile_is_not_made_a_purchaser(acme: Acme) -> None:
    results = in_line(
        becomes(acme, acme.mallory, Role.OWNER),
        authorized(acme, acme.mallory),
        behind=partial(lock_organization, acme.organization),
    )
    assert codes(results) == ["invalid_request"]
    assert role_of(acme, acme.mallory) == Role.OWNER


def test_an_authorization_is_withdrawn_once_and_given_once(acme: Acme) -> None:
    twice = {
        "not_found": withdrawn(acme, acme.bob),
        "invalid_request": authorized(acme, acme.mallory),
    }
    for code, change in twice.items():
        behind = partial(lock_organization, acme.organization)
        assert codes(in_line(change, change, behind=behind)) == [code]
    assert role_changes(acme) == 2


def test_of_two_owners_one_stays_when_olga_and_the_other_act_at_once(acme: Acme) -> None:
    becomes(acme, acme.bob, Role.OWNER)()
    alice = Membership.objects.get(organization=acme.organization, user=acme.alice.person)
    olga = Client()
    olga.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    page = f"/operator/accounts/membership/{alice.pk}/change/"
    saved, _ = results = in_line(
        lambda: olga.post(page, {"role": Role.MEMBER}),
        becomes(acme, acme.bob, Role.MEMBER),
        behind=lambda: Membership.objects.select_for_update().get(pk=alice.pk),
    )
    assert saved.status_code == 302
    assert codes(results) == ["not_allowed"]
    assert role_of(acme, acme.bob) == Role.OWNER
