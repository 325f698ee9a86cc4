"""Admin pages of billing accounts, billing details, and their syncs to the payment provider."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, operator
from billing.models import BillingAccount, BillingDetails, CustomerSync
from billing.operations.customer_sync import retry_customer_sync


@admin.register(BillingAccount)
class BillingAccountAdmin(AuditedAdmin):
    """Operators set the prefix of the invoice numbers, before the first invoice fixes it."""

    list_display = ("organization", "invoice_prefix", "anchor_day", "last_invoice_number")
    search_fields = ("organization__name", "organization__public_id", "invoice_prefix")
    list_select_related = ("organization",)
    fields = ("organization", "invoice_prefix", "anchor_day", "last_invoice_number")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """An order form makes the account."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        is_fixed = obj is None or obj.last_invoice_number
        return self.fields if is_fixed else tuple(set(self.fields) - {"invoice_prefix"})


@admin.register(BillingDetails)
class BillingDetailsAdmin(ReadOnlyAdmin):
    """Owners set them; an invoice stores those of the day of its issue."""

    list_display = ("organization", "name", "country", "tax_id", "email", "purchase_order")
    search_fields = ("organization__name", "organization__public_id", "name", "tax_id", "email")
    list_select_related = ("organization",)


@admin.register(CustomerSync)
class CustomerSyncAdmin(ReadOnlyAdmin):
    """The sync of each organization's billing details, with the last error of each."""

    list_display = (
        "organization",
        "status",
        "last_error",
        "attempts",
        "next_attempt_at",
        "synced_at",
        "provider_id",
    )
    list_filter = ("status",)
    search_fields = ("organization__name", "organization__public_id")
    list_select_related = ("organization__provider_customer",)
    actions = ("retry",)

    @admin.display(description="Provider's customer")
    def provider_id(self, sync: CustomerSync) -> str:
        customer: Model | None = getattr(sync.organization, "provider_customer", None)
        return str(getattr(customer, "provider_id", ""))

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Operators who may change syncs may retry them."""
        return request.user.has_perm("billing.change_customersync")

    @admin.action(description="Retry", permissions=["retry"])
    def retry(self, request: HttpRequest, selected: QuerySet[CustomerSync]) -> None:
        retried = sum(
            retry_customer_sync(sync=sync, by=operator(request), now=sync.organization.now())
            for sync in selected.select_related("organization")
        )
        self.message_user(request, f"{retried} put back in the queue; only failed ones can be.")
