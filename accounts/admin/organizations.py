"""Admin pages of organizations, their members and their projects."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.audited import AuditedAdmin, ReadOnlyAdmin, operator
from accounts.models import Membership, Organization, Project, Role
from accounts.operations.members import LastOwner, check_owner_remains
from accounts.operations.organizations import create_organization
from accounts.queries.organizations import organizations_behind


class MembershipInline(admin.TabularInline[Membership, Organization]):
    model = Membership
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class DaysFilter(admin.SimpleListFilter):
    """Organizations whose present day is opened, or not."""

    title = "days"
    parameter_name = "days"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("behind", "Behind: a day is not opened")]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> models.QuerySet[Any]:
        if self.value() != "behind":
            return queryset
        return queryset.filter(pk__in=organizations_behind(timezone.now()).values("pk"))


@admin.register(Organization)
class OrganizationAdmin(AuditedAdmin):
    list_display = ("name", "public_id", "is_sandbox", "opened_until", "created_at")
    list_filter = ("is_sandbox", DaysFilter)
    search_fields = ("name", "public_id")
    fields = ("name", "public_id", "is_sandbox", "clock_at", "opened_until", "created_at")
    readonly_fields = ("public_id", "is_sandbox", "clock_at", "opened_until", "created_at")
    inlines = (MembershipInline,)
    change_form_template = "admin/accounts/change_organization.html"

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
    search_fields = ("organization__name", "organization__public_id", "user__email")
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

    def subject_of(self, row: Any) -> str:
        """Return the public id of the member, as in the entries of what owners do."""
        return str(row.user.public_id)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("organization", "name", "public_id", "is_default")
    search_fields = ("organization__name", "name", "public_id")
