"""Admin page of account plans (R25)."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import AuditedAdmin
from capacity.models import AccountPlan


@admin.register(AccountPlan)
class AccountPlanAdmin(AuditedAdmin):
    """Limits of the ordinary service where they differ from the installation's."""

    list_display = ("organization", "snapshot", "rpm", "tpm")
    search_fields = ("organization__name", "organization__public_id", "snapshot__model")
    list_select_related = ("organization", "snapshot")
    autocomplete_fields = ("organization", "snapshot")
    ordering = ("-pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("organization", "snapshot")

    def subject_of(self, row: AccountPlan) -> str:
        return row.snapshot.model
