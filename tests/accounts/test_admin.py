"""Operators change members in the admin, under the rules that owners are under."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import AuditEntry, Membership, Organization, Role, User
from accounts.operations.audit import Actor
from tests.cast import Acme, at, make_acme, yesterday

pytestmark = pytest.mark.django_db

ADD_MEMBERSHIP = "/operator/accounts/membership/add/"


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme since yesterday: operators act by the real clock, so few days are due."""
    return make_acme(yesterday())


def membership(acme: Acme, actor: Actor) -> Membership:
    return Membership.objects.get(organization=acme.organization, user=actor.person)


def save_role(olga: Client, membership: Membership, role: Role, **fields: Any) -> Any:
    """Olga saves the membership's page with another role."""
    url = f"/operator/accounts/membership/{membership.pk}/change/"
    return olga.post(url, {"role": role, **fields})


def test_olga_signs_in_where_everyone_does() -> None:
    """So she needs her second factor too."""
    response = Client().get("/operator/login/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", [Role.PURCHASER, Role.MEMBER])
def test_the_only_owner_stays_owner_and_olga_reads_why(
    acme: Acme, olga: Client, role: Role
) -> None:
    response = save_role(olga, membership(acme, acme.alice), role)
    assert response.status_code == 200
    assert "is the only owner. Make someone else an owner first." in response.content.decode()
    assert membership(acme, acme.alice).role == Role.OWNER


def test_olga_makes_bob_an_owner_and_then_alice_a_member(acme: Acme, olga: Client) -> None:
    assert save_role(olga, membership(acme, acme.bob), Role.OWNER).status_code == 302
    assert save_role(olga, membership(acme, acme.alice), Role.MEMBER).status_code == 302
    assert membership(acme, acme.alice).role == Role.MEMBER
    entry = acme.organization.audit_entries.filter(action="membership.changed").latest("pk")
    assert (entry.before, entry.after) == ({"role": "owner"}, {"role": "member"})


def test_olga_can_neither_move_a_membership_nor_give_it_to_another_user(
    acme: Acme, olga: Client
) -> None:
    globex = make_acme(yesterday())
    fields = {"organization": globex.organization.pk, "user": acme.charlie.person.pk}
    save_role(olga, membership(acme, acme.alice), Role.OWNER, **fields)
    assert membership(acme, acme.alice).role == Role.OWNER


def test_olga_adds_the_first_owner(olga: Client) -> None:
    empty = Organization.objects.create(
        name="Empty", created_at=at(yesterday()), opened_until=at(yesterday())
    )
    charlie = User.objects.create_user("charlie@example.com", name="Charlie")
    form = {"organization": empty.pk, "user": charlie.pk, "role": Role.OWNER}
    assert olga.post(ADD_MEMBERSHIP, form).status_code == 302
    assert empty.memberships.get().role == Role.OWNER


def test_audit_entries_of_a_sandbox_have_its_own_time(olga: Client) -> None:
    sandbox = make_acme("2026-01-10", is_sandbox=True)
    charlie = {"user": sandbox.charlie.person.pk, "role": Role.MEMBER}
    olga.post(ADD_MEMBERSHIP, {"organization": sandbox.organization.pk, **charlie})
    save_role(olga, membership(sandbox, sandbox.charlie), Role.PURCHASER)
    olga.post(
        f"/operator/accounts/organization/{sandbox.organization.pk}/change/",
        {"name": "Sandbox", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"},
    )
    entries = sandbox.organization.audit_entries.filter(source="admin").order_by("pk")
    assert list(entries.values_list("action", "at")) == [
        ("membership.created", at("2026-01-10", "00:00")),
        ("membership.changed", at("2026-01-10", "00:00")),
        ("organization.changed", at("2026-01-10", "00:00")),
    ]
    assert membership(sandbox, sandbox.charlie).created_at == at("2026-01-10", "00:00")


@pytest.mark.parametrize(
    "path", ["account/emailaddress", "mfa/authenticator", "usersessions/usersession"]
)
def test_the_tables_of_libraries_are_not_open_to_operators(olga: Client, path: str) -> None:
    """They hold second-factor secrets, and change without an audit entry."""
    assert olga.get(f"/operator/{path}/").status_code == 404
    assert f"/operator/{path}/" not in olga.get("/operator/").text


def save_user(client: Client, user: User, **fields: Any) -> int:
    form = {"email": user.email, "name": user.name, "is_active": "on", **fields}
    return client.post(f"/operator/accounts/user/{user.pk}/change/", form).status_code


def test_only_a_superuser_makes_an_operator(acme: Acme, olga: Client) -> None:
    otto = User.objects.create_user("otto@example.com", name="Otto", is_staff=True)
    otto.user_permissions.set(Permission.objects.filter(codename__endswith="_user"))
    browser = Client()
    browser.force_login(otto)
    assert save_user(browser, otto, groups=[], is_staff="", name="Otto B.") == 403
    assert save_user(browser, acme.charlie.person, is_staff="on") == 302
    assert not User.objects.get(pk=acme.charlie.person.pk).is_staff
    assert save_user(olga, acme.charlie.person, is_staff="on") == 302
    assert User.objects.get(pk=acme.charlie.person.pk).is_staff


def test_the_rights_of_operators_change_with_an_audit_entry(acme: Acme, olga: Client) -> None:
    finance = Group.objects.create(name="Billing")
    assert save_user(olga, acme.charlie.person, groups=[finance.pk]) == 302
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.before, entry.after) == ({"groups": ""}, {"groups": "Billing"})
    right = Permission.objects.get(codename="change_invoicepayment")
    form = {"name": "Billing", "permissions": [right.pk]}
    url = f"/operator/auth/group/{finance.pk}"
    assert olga.post(f"{url}/change/", form).status_code == 302
    entry = AuditEntry.objects.get(action="group.changed")
    assert entry.after
    assert "invoice payment" in entry.after["permissions"]
    assert olga.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
