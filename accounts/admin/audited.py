"""The bases of the operator's pages: changes are confirmed, locked and recorded."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models, transaction
from django.forms import ModelForm, model_to_dict
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization, User
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from accounts.operations.organizations import lock_organization
from accounts.queries.audit_words import history_ids
from common.client_address import client_address
from common.instants import rfc3339

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


def _public_id(row: Any) -> str:
    return str(getattr(row, "public_id", row))


def _new_value(form: ModelForm[Any], row: Any, name: str) -> Any:
    """Return a field's value after the change; relations to many rows are saved after the row."""
    value = form.cleaned_data.get(name)
    if isinstance(value, models.QuerySet | models.Model):
        return value
    return model_to_dict(row).get(name)


def _stored(value: Any) -> Any:
    """Return a value as an audit entry stores it: a row by its public id, or by its name."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | models.QuerySet):
        return ", ".join(str(item) for item in value)
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(getattr(value, "public_id", value))


def _values_of_row(row: Any, parent: str) -> dict[str, Any]:
    """Return the values of an inline row, without its key and that of the row it belongs to."""
    values = model_to_dict(row, exclude=["id", parent])
    return {name: _stored(value) for name, value in values.items()}


def _digest(effects: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(effects).encode()).hexdigest()


def history_of(page: admin.ModelAdmin[Any], request: HttpRequest, object_id: str) -> HttpResponse:
    """Redirect to the audit entries about a row: Django's own history knows operators alone."""
    row = page.get_object(request, unquote(object_id))
    if row is None:
        raise Http404
    subject = page.subject_of(row) if isinstance(page, AuditedAdmin) else _public_id(row)
    organization = _organization_of(row)
    ids = history_ids(organization, subject) if organization else {subject}
    entries = reverse("admin:accounts_auditentry_changelist")
    return redirect(f"{entries}?{urlencode({'subject__in': ','.join(sorted(ids))})}")


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
        if change and not form.changed_data:
            return
        before = {name: _stored(form.initial.get(name)) for name in form.changed_data}
        self.record_change(
            request,
            obj,
            "changed" if change else "created",
            before=before if change else None,
            after={name: _stored(_new_value(form, obj, name)) for name in form.changed_data},
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Write an audit entry for each inline row too, with its values."""
        super().save_formset(request, form, formset, change)
        parent = formset.fk.name
        for row in formset.new_objects:
            self._record_row(request, form.instance, row, "created", after=(row, parent))
        for row, _ in formset.changed_objects:
            self._record_row(request, form.instance, row, "changed", after=(row, parent))
        for row in formset.deleted_objects:
            self._record_row(request, form.instance, row, "deleted", before=(row, parent))

    def _record_row(
        self,
        request: HttpRequest,
        parent: Any,
        row: Any,
        verb: str,
        *,
        before: tuple[Any, str] | None = None,
        after: tuple[Any, str] | None = None,
    ) -> None:
        record(
            organization=_organization_of(parent),
            by=operator(request),
            action=f"{row._meta.model_name}.{verb}",
            subject=self.subject_of(parent),
            at=now_in(_organization_of(parent)),
            before=_values_of_row(*before) if before else None,
            after=_values_of_row(*after) if after else None,
        )

    def record_change(
        self,
        request: HttpRequest,
        row: Any,
        verb: str,
        *,
        before: dict[str, Any] | None,
        after: dict[str, Any],
    ) -> None:
        """Write the audit entry of a row in the log of its organization, or of the platform."""
        organization = _organization_of(row)
        record(
            organization=organization,
            by=operator(request),
            action=f"{row._meta.model_name}.{verb}",
            subject=self.subject_of(row),
            at=now_in(organization),
            before=before,
            after=after,
        )

    def subject_of(self, row: Any) -> str:
        """Return what an audit entry about the row names as its subject."""
        return _public_id(row)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return history_of(self, request, object_id)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Base of admin pages whose rows operators may read and nobody may change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return history_of(self, request, object_id)
