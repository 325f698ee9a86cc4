"""Every act of an operator is in an audit log, in the customer's where it concerns one (R19)."""

from http import HTTPStatus
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.admin import AuditedAdmin, ReadOnlyAdmin
from accounts.models import AuditEntry, Membership, Organization, OutboundEmail, User
from billing.models import (
    BillingAccount,
    CustomerSync,
    Invoice,
    InvoiceSync,
    OrderForm,
    ProviderEvent,
)
from capacity.models import AccountPlan, Lot, Snapshot, TokenUnit
from tests.cast import GROK, Acme, at, make_acme
from tests.operator_pages import save

pytestmark = pytest.mark.django_db

PAGES = admin.site._registry
NOT_HERE = {"SpendAlert"}

CHANGES: dict[type[Model], dict[str, Any]] = {
    AccountPlan: {"rpm": 500},
    BillingAccount: {"invoice_prefix": "GBX"},
    Organization: {"name": "Acme Ltd"},
    Membership: {"role": "owner"},
    User: {"name": "Robert"},
    Group: {"name": "Billing"},
    OrderForm: {"days_until_due": 45},
    Snapshot: {"name": "Grok, fast"},
    TokenUnit: {"supply_cap": 900},
}
"""A change of a row of each page that an operator may save."""


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox with an invoice, a failed sync, a failed email and an event with an error."""
    acme = make_acme("2026-01-10", is_sandbox=True)
    acme.buys("2026-01-10", input=4)
    acme.open_days("2026-02-10")
    Organization.objects.filter(pk=acme.organization.pk).update(clock_at=at("2026-02-10"))
    invoice = Invoice.objects.get()
    InvoiceSync.objects.update(status="failed")
    OutboundEmail.objects.update(failures=1)
    about = {"id": "in_1", "metadata": {"invoice": invoice.public_id}}
    ProviderEvent.objects.create(
        event_id="evt_1",
        type="invoice.payment_failed",
        created_at=at("2026-02-10"),
        received_at=at("2026-02-10"),
        payload={"data": {"object": about}},
        error="ValueError",
    )
    CustomerSync.objects.get_or_create(organization=acme.organization)
    Group.objects.create(name="Bookkeeping")
    AccountPlan.objects.create(
        organization=acme.organization, snapshot=Snapshot.objects.get(model=GROK)
    )
    make_acme("2026-02-10", is_sandbox=True)
    make_acme("2026-02-10", is_sandbox=True, signed=False)
    return acme


def row_of(model: type[Model], acme: Acme) -> Any:
    """The row of Acme that an operator opens; of the catalogue, one of the model it bought."""
    rows = model.objects.order_by("pk")  # type: ignore[attr-defined]
    chosen: dict[type[Model], dict[str, Any]] = {
        BillingAccount: {"last_invoice_number": 0},
        Membership: {"user": acme.bob.person},
        OrderForm: {"signed_at": None},
        User: {"pk": acme.bob.person.pk},
        Group: {"name": "Bookkeeping"},
        Snapshot: {"model": GROK},
        TokenUnit: {"snapshot__model": GROK, "kind": "input"},
    }
    return rows.filter(**chosen.get(model, {})).first()


def page_of(model: type[Model], action: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{action}", args=arguments)


def form_of(olga: Client, address: str) -> dict[str, Any]:
    """What the form of a page sends if nothing in it is changed, its inline rows included."""
    context = olga.get(address).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.initial_forms]
    sent: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                sent[field.html_name] = value
    return sent


def test_every_change_is_recorded_or_refused(
    olga: Client, acme: Acme, subtests: pytest.Subtests
) -> None:
    """A page that changes rows and is not in CHANGES fails; so does one that anything deletes."""
    for model, page in PAGES.items():
        with subtests.test(model.__name__):
            row = row_of(model, acme)
            if row is None:
                assert isinstance(page, ReadOnlyAdmin)
                continue
            change = page_of(model, "change", row.pk)
            before = AuditEntry.objects.count()
            deleted = olga.post(page_of(model, "delete", row.pk), {"post": "yes"})
            assert deleted.status_code == HTTPStatus.FORBIDDEN
            if isinstance(page, ReadOnlyAdmin):
                for address in (change, page_of(model, "add")):
                    assert olga.post(address, {}).status_code == HTTPStatus.FORBIDDEN
                assert AuditEntry.objects.count() == before
                continue
            assert isinstance(page, AuditedAdmin)
            form = form_of(olga, change) | CHANGES[model]
            assert save(olga, change, form).status_code == HTTPStatus.FOUND
            entry = AuditEntry.objects.latest("pk")
            assert AuditEntry.objects.count() == before + 1
            assert (entry.source, entry.actor and entry.actor.name) == ("admin", "Olga")
            assert set(entry.after or {}) == set(CHANGES[model])
            assert entry.organization == organization_of(row, acme)
            assert save(olga, change, form_of(olga, change)).status_code == HTTPStatus.FOUND
            assert AuditEntry.objects.count() == before + 1, "nothing changed, nothing recorded"


def organization_of(row: Any, acme: Acme) -> Organization | None:
    """In whose log a change of the row belongs; the catalogue and roles are the platform's."""
    if isinstance(row, User):
        return acme.organization
    return row if isinstance(row, Organization) else getattr(row, "organization", None)


ACTIONS: dict[type[Model], dict[str, str]] = {
    CustomerSync: {"retry": "billing_details.send_again"},
    Invoice: {"record_payment": "invoice.paid"},
    InvoiceSync: {"retry": "invoice.send_again"},
    OutboundEmail: {"retry": "email.retried"},
    ProviderEvent: {"process_again": "provider_event.retried"},
}
"""The entry of each action of a list."""


def test_every_action_is_in_the_customers_log(
    olga: Client, acme: Acme, subtests: pytest.Subtests
) -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.get(email="olga@example.com")
    for model, page in PAGES.items():
        with subtests.test(model.__name__):
            offered = set(page.get_actions(request))
            assert offered == set(ACTIONS.get(model, {}))
            for action in offered:
                InvoiceSync.objects.update(status="failed")
                CustomerSync.objects.update(status="failed")
                row = row_of(model, acme)
                form = {"action": action, "_selected_action": [row.pk], "confirmed": "yes"}
                olga.post(page_of(model, "changelist"), form)
                entry = acme.organization.audit_entries.filter(source="admin").latest("pk")
                assert entry.action == ACTIONS[model][action]


def test_what_operators_do_to_a_person_is_in_the_log_of_each_of_their_organizations(
    olga: Client, acme: Acme
) -> None:
    globex = make_acme("2026-01-10", is_sandbox=True).organization
    Membership.objects.create(
        organization=globex, user=acme.bob.person, role="member", created_at=at("2026-01-10")
    )
    address = page_of(User, "change", acme.bob.person.pk)
    save(olga, address, form_of(olga, address) | {"name": "Robert"})
    entries = AuditEntry.objects.filter(action="user.changed").order_by("organization")
    assert [(entry.organization, entry.before, entry.after) for entry in entries] == [
        (acme.organization, {"name": "Bob"}, {"name": "Robert"}),
        (globex, {"name": "Bob"}, {"name": "Robert"}),
    ]


def test_the_history_of_a_row_is_that_of_the_audit_log(olga: Client, acme: Acme) -> None:
    lot = Lot.objects.get()
    response = olga.get(page_of(Lot, "history", lot.pk), follow=True)
    assert response.status_code == HTTPStatus.OK
    actions = {entry.action for entry in response.context["cl"].result_list}
    assert actions == {"units.bought"}


def test_an_operator_changes_their_password_where_it_is_recorded(olga: Client) -> None:
    response = olga.get("/operator/password_change/")
    assert response["Location"] == "/accounts/password/change/"
