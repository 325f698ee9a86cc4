"""Operators: their second factor, their roles, and what they do to people."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.models import AuditEntry, Membership, Role, User
from accounts.operations.audit import Actor
from accounts.operations.emails import send_due_emails
from accounts.operations.operator_roles import OperatorRole
from scaletier.operator_roles import GRANTS, PAGES
from tests.cast import Acme, give_second_factor, make_acme, signed_in, yesterday

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme since yesterday: operators act by the real clock, so few days are due."""
    return make_acme(yesterday())


def operator(*roles: OperatorRole, name: str = "otto") -> Client:
    """The browser of somebody on the staff who has these roles only."""
    otto = User.objects.create_user(f"{name}@example.com", name=name.title(), is_staff=True)
    otto.groups.set(Group.objects.filter(name__in=roles))
    browser = Client()
    browser.force_login(otto)
    return browser


def change_user(person: User) -> str:
    return f"/operator/accounts/user/{person.pk}/change/"


def reset(person: User) -> str:
    return f"/operator/accounts/user/{person.pk}/reset-second-factor/"


@pytest.mark.parametrize(
    "path", ["", "invariants/", "accounts/user/", "billing/orderform/add/", "capacity/lot/"]
)
def test_in_production_no_page_is_open_without_a_second_factor(acme: Acme, path: str) -> None:
    browser = operator(*OperatorRole)
    olga = User.objects.get(email="otto@example.com")
    with override_settings(PRODUCTION=True):
        response = browser.get(f"/operator/{path}", follow=True)
        assert response.redirect_chain[-1][0].startswith("/accounts/2fa/") or (
            "/accounts/reauthenticate/" in response.redirect_chain[-1][0]
        )
        assert browser.get("/operator/").status_code == 302
        TOTP.activate(olga, generate_totp_secret())
        assert browser.get(f"/operator/{path}").status_code != 302
        Authenticator.objects.filter(user=olga).delete()
        assert browser.get(f"/operator/{path}").status_code == 302
        give_second_factor(Actor("page", olga), kind="webauthn")
        assert browser.get(f"/operator/{path}").status_code != 302
    assert signed_in(acme.alice).get("/operator/", follow=True).status_code == 403


def test_every_permission_of_a_role_exists_and_every_page_can_be_read() -> None:
    names = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Permission.objects.select_related("content_type")
    }
    for role, granted in GRANTS.items():
        assert set(granted) <= names
        group = Group.objects.get(name=role)
        assert group.permissions.count() == len(set(granted))
    assert set(GRANTS) == set(OperatorRole)


ADD_PAGES = {
    "accounts/organization": {OperatorRole.SALES},
    "accounts/membership": {OperatorRole.SALES, OperatorRole.SUPPORT},
    "billing/orderform": {OperatorRole.SALES},
    "capacity/snapshot": set(),
    "capacity/tokenunit": set(),
    "accounts/user": set(),
    "auth/group": set(),
}


@pytest.mark.parametrize("role", OperatorRole)
def test_a_role_reads_every_page_and_adds_what_is_its_own(acme: Acme, role: OperatorRole) -> None:
    browser = operator(role)
    shown = {f"{app}/{model}" for app, models in PAGES.items() for model in models}
    inline = {"billing/invoiceline", "billing/invoicepayment", "billing/modeldiscount"}
    for page in shown - inline - {"capacity/listprice"}:
        assert browser.get(f"/operator/{page}/").status_code == 200, page
    for page, roles in ADD_PAGES.items():
        allowed = browser.get(f"/operator/{page}/add/").status_code == 200
        assert allowed == (role in roles), page
    assert browser.get("/operator/invariants/").status_code in {200, 500}


ACTIONS = {
    "billing/invoice": ("record_payment", {OperatorRole.FINANCE}),
    "billing/invoicesync": ("retry", {OperatorRole.FINANCE}),
    "billing/providerevent": ("process_again", {OperatorRole.FINANCE}),
    "accounts/outboundemail": ("retry", {OperatorRole.SUPPORT}),
}


@pytest.mark.parametrize("role", OperatorRole)
def test_a_role_is_offered_the_actions_of_its_own(role: OperatorRole) -> None:

    request = RequestFactory().get("/operator/")
    operator(role)
    request.user = User.objects.get(email="otto@example.com")
    for page, (action, roles) in ACTIONS.items():
        model = apps.get_model(page.replace("/", "."))
        offered = action in admin.site.get_model_admin(model).get_actions(request)
        assert offered == (role in roles), page


def test_staff_without_a_role_see_nothing(acme: Acme) -> None:
    browser = operator()
    assert browser.get("/operator/accounts/user/").status_code == 403
    assert browser.get("/operator/invariants/").status_code == 403
    assert browser.post(reset(acme.alice.person), {"reason": "x"}, follow=True).status_code == 200
    assert not AuditEntry.objects.filter(action="second_factor.reset").exists()


def test_support_resets_a_second_factor_with_a_reason_and_alice_is_told(acme: Acme) -> None:
    alice = acme.alice.person
    TOTP.activate(alice, generate_totp_secret())
    hers = signed_in(acme.alice)
    hers.get("/")
    browser = operator(OperatorRole.SUPPORT)
    assert "Reset second factor" in browser.get(change_user(alice)).text
    page = browser.get(reset(alice)).text
    assert "signed out everywhere" in page
    assert "This field is required" in browser.post(reset(alice), {"reason": ""}).text
    assert Authenticator.objects.filter(user=alice).exists()
    browser.post(reset(alice), {"reason": "Video call, passport shown"})
    assert not Authenticator.objects.filter(user=alice).exists()
    assert hers.get("/").headers["Location"].startswith("/accounts/login/")
    entry = acme.organization.audit_entries.get(action="second_factor.reset")
    assert entry.after == {"removed": ["totp"], "reason": "Video call, passport shown"}
    assert (entry.source, entry.actor and entry.actor.name) == ("admin", "Otto")
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.to == [alice.email]
    assert "removed the second factor" in str(message.body)


def test_only_superusers_change_operators_and_addresses(acme: Acme, olga: Client) -> None:
    support = operator(OperatorRole.SUPPORT)
    other = User.objects.create_user("oskar@example.com", is_staff=True)
    assert support.post(change_user(other), {"email": "x@example.com"}).status_code == 403
    support.post(reset(other), {"reason": "x"})
    support.post(reset(User.objects.get(email="otto@example.com")), {"reason": "x"})
    assert not AuditEntry.objects.filter(action="second_factor.reset").exists()
    alice = acme.alice.person
    form = {"email": "thief@example.com", "name": "Alice B.", "is_active": "on"}
    assert support.post(change_user(alice), form).status_code == 302
    assert User.objects.get(pk=alice.pk).email == alice.email
    assert User.objects.get(pk=alice.pk).name == "Alice B."


def test_the_only_owner_cannot_be_deactivated_and_an_owner_who_is_does_not_count(
    acme: Acme, olga: Client
) -> None:
    alice, bob = acme.alice.person, acme.bob.person
    form = {"email": alice.email, "name": "Alice"}
    page = olga.post(change_user(alice), form).text
    assert re.search(r"Acme: \S+ is the only owner. Make someone else an owner first.", page)
    assert User.objects.get(pk=alice.pk).is_active
    Membership.objects.filter(user=bob).update(role=Role.OWNER)
    assert olga.post(change_user(alice), form).status_code == 302
    assert not User.objects.get(pk=alice.pk).is_active
    page = olga.post(change_user(bob), {"email": bob.email, "name": "Bob"}).text
    assert "is the only owner" in page


def test_the_roles_of_the_product_stay_as_they_are(olga: Client) -> None:
    sales = Group.objects.get(name="Sales")
    url = f"/operator/auth/group/{sales.pk}/change/"
    assert olga.post(url, {"name": "Sales", "permissions": []}).status_code == 403
