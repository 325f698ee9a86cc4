"""The bases of the operator's pages: changes are confirmed, locked and recorded."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models, transaction
from django.forms import ModelForm, model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import Organization, User
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from accounts.operations.organizations import lock_organization
from common.client_address import client_address

CONFIRMED = "_confirmed"
"""The name under which a form says which effects the operator has read."""


class ConfirmationNeeded(Exception):
    """A change has effects that the operator has not read yet. It takes the change back."""

    def __init__(self, effects: Sequence[str]) -> None:
        super().__init__(*effects)
        self.effects = effects


def operator(request: HttpRequest) -> Actor:
    """Return the signed-in operator as an actor. Django lets only active staff see admin pages."""
    assert isinstance(request.user, User)
    return Actor("admin", request.user, client_address(request))


def _organization_of(row: Any) -> Organization | None:
    """Return the organization whose audit log records changes of the row; None: the platform."""
    return row if isinstance(row, Organization) else getattr(row, "organization", None)


def now_in(organization: Organization | None) -> datetime:
    """Return the organization's time (R1), as in its other audit entries, or the real time."""
    return organization.now() if organization else timezone.now()


def _new_value(form: ModelForm[Any], row: Any, name: str) -> Any:
    """Return a field's value after the change; relations to many rows are saved after the row."""
    value = form.cleaned_data.get(name)
    return value if isinstance(value, models.QuerySet) else model_to_dict(row).get(name)


def _text(value: Any) -> str:
    if isinstance(value, list | models.QuerySet):
        return ", ".join(str(item) for item in value)
    return str(value)


def _digest(effects: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(effects).encode()).hexdigest()


class AuditedAdmin(admin.ModelAdmin[Any]):
    """Base of admin pages that change rows. It does what `organization_change` does elsewhere.

    Before its transaction this class opens due days (R7). In the transaction it locks the
    organization, then Django reads and saves the row, and an audit entry is written (R19). Nothing
    can be deleted. A change with `effects` on customers is saved once the operator has read them.
    """

    def effects(self, form: ModelForm[Any], formsets: Iterable[Any]) -> list[str]:
        """Return sentences that say what a change does to customers; none if it does nothing.

        Called in the transaction of the change, with everything saved.
        """
        return []

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool
    ) -> None:
        """Save the inline rows. Raises ConfirmationNeeded for effects that were not read yet."""
        super().save_related(request, form, formsets, change)
        effects = self.effects(form, formsets)
        if effects and request.POST.get(CONFIRMED) != _digest(effects):
            raise ConfirmationNeeded(effects)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        organizations = self.organizations_to_lock(request, object_id)
        for organization in organizations:
            bring_up_to_date(organization=organization, now=organization.now())
        try:
            with transaction.atomic():
                for organization in organizations:
                    lock_organization(organization)
                return super().changeform_view(request, object_id, form_url, extra_context)
        except ConfirmationNeeded as needed:
            return self._confirmation(request, needed.effects)

    def confirmation_needed(
        self, request: HttpRequest, effects: Sequence[str]
    ) -> HttpResponse | None:
        """Return the page that shows the effects; None once the operator has confirmed them."""
        if request.POST.get(CONFIRMED) == _digest(effects):
            return None
        return self._confirmation(request, effects)

    def _confirmation(self, request: HttpRequest, effects: Sequence[str]) -> HttpResponse:
        """Show the effects, with a form that sends the same change again and says they were read.

        If they change in between, they are shown again.
        """
        context = self.admin_site.each_context(request) | {
            "title": f"Change {self.opts.verbose_name}?",
            "opts": self.opts,
            "effects": effects,
            "is_outdated": CONFIRMED in request.POST,
            "fields": [
                (name, value)
                for name, values in request.POST.lists()
                if name not in {CONFIRMED, "csrfmiddlewaretoken"}
                for value in values
            ],
            "confirmed": (CONFIRMED, _digest(effects)),
        }
        return render(request, "admin/confirm_change.html", context)

    def organizations_to_lock(
        self, request: HttpRequest, object_id: str | None
    ) -> list[Organization]:
        """Return the organization that the row belongs to and the one chosen, by ascending key."""
        row = self.get_object(request, unquote(object_id)) if object_id else None
        organization = _organization_of(row)
        keys = {organization.pk} if organization else set()
        chosen = request.POST.get("organization", "")
        if chosen.isdecimal():
            keys.add(int(chosen[:18]))
        return list(Organization.objects.filter(pk__in=keys).order_by("pk"))

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        organization = _organization_of(obj)
        record(
            organization=organization,
            by=operator(request),
            action=f"{obj._meta.model_name}.{'changed' if change else 'created'}",
            subject=str(getattr(obj, "public_id", obj)),
            at=now_in(organization),
            before={name: _text(form.initial.get(name)) for name in form.changed_data} or None,
            after={name: _text(_new_value(form, obj, name)) for name in form.changed_data},
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Write an audit entry for each inline row too, with its new values."""
        super().save_formset(request, form, formset, change)
        organization = _organization_of(form.instance)
        rows: list[tuple[str, Any]] = [("created", row) for row in formset.new_objects]
        rows += [("changed", row) for row, _ in formset.changed_objects]
        rows += [("deleted", row) for row in formset.deleted_objects]
        for verb, row in rows:
            record(
                organization=organization,
                by=operator(request),
                action=f"{row._meta.model_name}.{verb}",
                subject=str(getattr(form.instance, "public_id", form.instance)),
                at=now_in(organization),
                after={name: str(value) for name, value in model_to_dict(row).items()},
            )


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Base of admin pages whose rows operators may read and nobody may change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
