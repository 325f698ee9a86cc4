"""Admin pages of people and of the roles of operators."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.forms import CharField, Form, ModelForm, Textarea, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone

from accounts.admin.audited import AuditedAdmin, operator
from accounts.models import Membership, Organization, User
from accounts.operations.audit import record_for_person
from accounts.operations.members import LastOwner, check_owner_remains
from accounts.operations.operator_roles import OperatorRole
from accounts.operations.second_factors import reset_second_factor
from accounts.queries.second_factors import second_factors


class UserForm(ModelForm[User]):
    def clean_is_active(self) -> bool:
        """Check that no organization loses its only owner who can sign in."""
        is_active: bool = self.cleaned_data["is_active"]
        if self.instance.pk and not is_active:
            try:
                for membership in Membership.objects.filter(user=self.instance):
                    check_owner_remains(membership, None)
            except LastOwner as error:
                raise ValidationError(f"{membership.organization}: {error.detail}") from error
        return is_active


class ReasonForm(Form):
    """Why an operator resets somebody's second factor."""

    reason = CharField(
        max_length=300,
        widget=Textarea(attrs={"rows": 3}),
        help_text="How you know who asked for it. The person's owners read this in the audit log.",
    )


@admin.register(User)
class UserAdmin(AuditedAdmin):
    form = UserForm
    list_display = ("email", "name", "public_id", "is_staff", "is_active")
    search_fields = ("email", "name", "public_id")
    fields = ("email", "name", "public_id", "is_active", "is_staff", "is_superuser", "groups")
    filter_horizontal = ("groups",)
    change_form_template = "admin/accounts/change_user.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes an operator, gives an operator rights, and changes an address.

        Who gives somebody another address can reset their password.
        """
        if request.user.is_superuser:
            return ("public_id", "is_superuser")
        own = ("public_id", "is_superuser", "is_staff", "groups")
        return own if obj is None else (*own, "email")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a superuser changes an operator."""
        is_operator = obj is not None and obj.is_staff
        return super().has_change_permission(request, obj) and (
            not is_operator or request.user.is_superuser
        )

    def has_reset_permission(self, request: HttpRequest, user: User) -> bool:
        """Return whether the operator may reset this person's second factor: nobody their own."""
        if user == request.user or (user.is_staff and not request.user.is_superuser):
            return False
        return request.user.has_perm("accounts.reset_second_factor")

    def organizations_to_lock(
        self, request: HttpRequest, object_id: str | None
    ) -> list[Organization]:
        """Return the organizations of the person, each of which keeps an owner."""
        if object_id is None or not object_id.isdecimal():
            return []
        memberships = Membership.objects.filter(user=int(object_id[:18]))
        return list(
            Organization.objects.filter(pk__in=memberships.values("organization")).order_by("pk")
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
        """Write the entry in the log of each organization of the person."""
        record_for_person(
            row,
            by=operator(request),
            action=f"user.{verb}",
            real_now=timezone.now(),
            before=before,
            after=after,
        )

    def get_urls(self) -> list[URLPattern]:
        reset = self.admin_site.admin_view(self.reset_second_factor_view)
        name = "reset_second_factor"
        return [path("<int:user>/reset-second-factor/", reset, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        may_reset = user is not None and self.has_reset_permission(request, user)
        context = {**(extra_context or {}), "may_reset_second_factor": may_reset}
        return super().change_view(request, object_id, form_url, context)

    def reset_second_factor_view(self, request: HttpRequest, user: int) -> HttpResponse:
        """Ask for the reason, then remove every second factor of the person."""
        person = get_object_or_404(User, pk=user)
        if not self.has_reset_permission(request, person):
            self.message_user(request, "You may not reset this second factor.", messages.ERROR)
            return redirect("admin:index")
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            reset_second_factor(
                user=person,
                reason=form.cleaned_data["reason"],
                by=operator(request),
                real_now=timezone.now(),
            )
            self.message_user(request, f"The second factor of {person.email} is reset.")
            return redirect("admin:accounts_user_change", person.pk)
        context = self.admin_site.each_context(request) | {
            "title": "Reset second factor",
            "opts": self.opts,
            "person": person,
            "factors": second_factors(person),
            "form": form,
        }
        return render(request, "admin/accounts/reset_second_factor.html", context)


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    """Groups of operators, with what each may do. The product's own roles stay as they are."""

    search_fields = ("name",)
    filter_horizontal = ("permissions",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_own_role = obj is not None and obj.name in set(OperatorRole)
        return bool(request.user.is_superuser) and not is_own_role
