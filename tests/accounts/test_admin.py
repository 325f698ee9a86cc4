"""Operators seat people, under the rules that owners are under."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Organization, Role, User
from accounts.operations.audit import Actor
from tests.cast import Acme, at, make_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Acme:
    return make_acme()


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("olga@example.com", name="Olga"))
    return client


def seat(acme: Acme, who: Actor) -> Membership:
    return Membership.objects.get(organization=acme.organization, user=who.person)


def makes(olga: Client, membership: Membership, role: Role, **others: Any) -> Any:
    """Olga saves the membership's page with another role."""
    page = f"/operator/accounts/membership/{membership.pk}/change/"
    return olga.post(page, {"role": role, **others})


@pytest.mark.parametrize("role", [Role.PURCHASER, Role.MEMBER])
def test_the_only_owner_stays_owner_and_olga_reads_why(
    acme: Acme, olga: Client, role: Role
) -> None:
    answer = makes(olga, seat(acme, acme.alice), role)
    assert answer.status_code == 200
    assert "is the only owner. Make someone else an owner first." in answer.content.decode()
    assert seat(acme, acme.alice).role == Role.OWNER


def test_olga_makes_bob_an_owner_and_then_alice_a_member(acme: Acme, olga: Client) -> None:
    assert makes(olga, seat(acme, acme.bob), Role.OWNER).status_code == 302
    assert makes(olga, seat(acme, acme.alice), Role.MEMBER).status_code == 302
    assert seat(acme, acme.alice).role == Role.MEMBER
    written = acme.organization.audit_entries.filter(action="membership.changed").latest("pk")
    assert (written.before, written.after) == ({"role": "owner"}, {"role": "member"})


def test_nobody_is_moved_to_another_organization_or_replaced(acme: Acme, olga: Client) -> None:
    globex = make_acme()
    moved = {"organization": globex.organization.pk, "user": acme.charlie.person.pk}
    makes(olga, seat(acme, acme.alice), Role.OWNER, **moved)
    assert seat(acme, acme.alice).role == Role.OWNER


def test_olga_seats_the_first_owner(olga: Client) -> None:
    empty = Organization.objects.create(
        name="Empty", created_at=at("2026-01-01"), opened_until=at("2026-01-02")
    )
    charlie = User.objects.create_user("charlie@example.com", name="Charlie")
    sent = {"organization": empty.pk, "user": charlie.pk, "role": Role.OWNER}
    assert olga.post("/operator/accounts/membership/add/", sent).status_code == 302
    assert empty.memberships.get().role == Role.OWNER


def test_what_olga_does_in_a_sandbox_is_recorded_at_its_time(olga: Client) -> None:
    sandbox = make_acme("2026-01-10", is_sandbox=True)
    charlie = {"user": sandbox.charlie.person.pk, "role": Role.MEMBER}
    olga.post(
        "/operator/accounts/membership/add/", {"organization": sandbox.organization.pk, **charlie}
    )
    makes(olga, seat(sandbox, sandbox.charlie), Role.PURCHASER)
    olga.post(
        f"/operator/accounts/organization/{sandbox.organization.pk}/change/",
        {"name": "Sandbox", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"},
    )
    written = sandbox.organization.audit_entries.filter(source="admin").order_by("pk")
    assert list(written.values_list("action", "at")) == [
        ("membership.created", at("2026-01-10", "00:00")),
        ("membership.changed", at("2026-01-10", "00:00")),
        ("organization.changed", at("2026-01-10", "00:00")),
    ]
    assert seat(sandbox, sandbox.charlie).created_at == at("2026-01-10", "00:00")
