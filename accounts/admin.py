"""Admin pages of people and organizations, and of the read-only audit log."""

from datetime import datetime
from importlib import import_module
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.forms import ModelForm, ValidationError, model_to_dict
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import (
    AuditEntry,
    Membership,
    Organization,
    OutboundEmail,
    Project,
    Role,
    User,
)
from accounts.operations.audit import Actor, record
from accounts.operations.days import bring_up_to_date
from accounts.operations.emails import retry_email
from accounts.operations.members import LastOwner, check_owner_remains
from accounts.operations.organizations import create_organization, lock_organization
from common.client_address import client_address

# The pages of libraries show second-factor secrets and change rows without an audit entry. They
# register themselves when they are imported, so they are imported here, before they are removed.
for library in ("allauth.account", "allauth.mfa", "allauth.usersessions", "django.contrib.auth"):
    import_module(f"{library}.admin")
for model in (EmailAddress, Authenticator, UserSession, Group):
    admin.site.unregister(model)

# Operators sign in like everyone else, second factor included.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "Scale Tier operator"
admin.site.site_title = "Scale Tier operator"
admin.site.index_title = "Catalogue, supply, order forms and customers"


def operator(request: HttpRequest) -> Actor:
    """Return the signed-in operator as an actor. Django lets only active staff see admin pages."""
    assert isinstance(request.user, User)
    return Actor("admin", request.user, client_address(request))


def _organization_of(row: Any) -> Organization | None:
    """Return the organization whose audit log records changes of the row; None: the platform."""
    return row if isinstance(row, Organization) else getattr(row, "organization", None)


def _now_in(organization: Organization | None) -> datetime:
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


class AuditedAdmin(admin.ModelAdmin[Any]):
    """Base of admin pages that change rows. It does what `organization_change` does elsewhere.

    Before its transaction this class opens due days (R7). In the transaction it locks the
    organization, then Django reads and saves the row, and an audit entry is written (R19). Nothing
    can be deleted.
    """

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
        organizations = self._organizations(request, object_id)
        for organization in organizations:
            bring_up_to_date(organization=organization, now=organization.now())
        with transaction.atomic():
            for organization in organizations:
                lock_organization(organization)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _organizations(self, request: HttpRequest, object_id: str | None) -> list[Organization]:
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
            at=_now_in(organization),
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
                at=_now_in(organization),
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


class MembershipInline(admin.TabularInline[Membership, Organization]):
    model = Membership
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(AuditedAdmin):
    list_display = ("name", "public_id", "is_sandbox", "opened_until", "created_at")
    list_filter = ("is_sandbox",)
    search_fields = ("name", "public_id")
    fields = ("name", "public_id", "is_sandbox", "clock_at", "opened_until", "created_at")
    readonly_fields = ("public_id", "is_sandbox", "clock_at", "opened_until", "created_at")
    inlines = (MembershipInline,)

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        organization = create_organization(name=obj.name, by=operator(request), now=timezone.now())
        obj.__dict__.update(organization.__dict__)


class MembershipForm(ModelForm[Membership]):
    def clean_role(self) -> str:
        """Check the rule that owners follow on their page too: an organization keeps an owner."""
        role: str = self.cleaned_data["role"]
        if self.instance.pk:
            try:
                check_owner_remains(self.instance, Role(role))
            except LastOwner as error:
                raise ValidationError(error.detail) from error
        return role


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Operators add an organization's first owner here; owners manage the other members.

    Of an existing membership only the role can be changed.
    """

    form = MembershipForm
    list_display = ("organization", "user", "role")
    list_filter = ("role",)
    search_fields = ("organization__name", "user__email")
    autocomplete_fields = ("organization", "user")
    fields = ("organization", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("organization", "user")

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        if not change:
            obj.created_at = obj.organization.now()
        super().save_model(request, obj, form, change)


@admin.register(User)
class UserAdmin(AuditedAdmin):
    list_display = ("email", "name", "public_id", "is_staff", "is_active")
    search_fields = ("email", "name", "public_id")
    fields = ("email", "name", "public_id", "is_active", "is_staff", "is_superuser", "groups")
    filter_horizontal = ("groups",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes an operator and gives an operator rights."""
        if request.user.is_superuser:
            return ("public_id", "is_superuser")
        return ("public_id", "is_superuser", "is_staff", "groups")


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """Groups of operators, with what each may do."""

    search_fields = ("name",)
    filter_horizontal = ("permissions",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_change_permission


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("organization", "name", "public_id", "is_default")
    search_fields = ("organization__name", "name", "public_id")


@admin.register(OutboundEmail)
class OutboundEmailAdmin(ReadOnlyAdmin):
    """The emails that are enqueued or sent, with the last error of each."""

    list_display = ("created_at", "organization", "kind", "sent_at", "failures", "last_error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter), "kind")
    search_fields = ("public_id", "about", "recipient", "organization__public_id")
    list_select_related = ("organization",)
    ordering = ("-pk",)
    actions = ("retry",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may change emails, which the action below requires."""
        return request.user.has_perm("accounts.change_outboundemail")

    @admin.action(description="Try again now", permissions=["retry"])
    def retry(self, request: HttpRequest, selected: models.QuerySet[OutboundEmail]) -> None:
        emails = selected.select_related("organization")
        by = operator(request)
        retried = sum(
            retry_email(email=email, by=by, now=email.organization.now()) for email in emails
        )
        self.message_user(request, f"{retried} will be tried again; only unsent ones can be.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "organization", "actor", "source", "action", "subject")
    list_filter = ("source", "action")
    search_fields = ("subject", "actor__email", "organization__public_id")
    list_select_related = ("organization", "actor")
