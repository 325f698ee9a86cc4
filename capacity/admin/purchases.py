"""Admin pages of purchases, cancellations and pools, which operators read and nobody changes."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from capacity.models import Cancellation, Pool, Purchase, PurchaseRequest


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "organization", "snapshot", "created_at", "created_by", "charged")
    search_fields = ("public_id", "organization__name", "organization__public_id")
    list_select_related = ("organization", "snapshot", "created_by")
    ordering = ("-pk",)
    exclude = ("amount", "currency")
    readonly_fields = ("charged",)

    @admin.display(description="Charged at once, standard rates")
    def charged(self, purchase: Purchase) -> str:
        return str(purchase.list_amount)


@admin.register(PurchaseRequest)
class PurchaseRequestAdmin(ReadOnlyAdmin):
    """What waits for an owner's approval, and what became of it. Operators decide nothing here."""

    list_display = ("public_id", "organization", "snapshot", "status", "requested_at", "lapses_on")
    list_filter = ("status",)
    search_fields = ("public_id", "organization__name", "organization__public_id")
    list_select_related = ("organization", "snapshot")
    ordering = ("-pk",)


@admin.register(Cancellation)
class CancellationAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "organization", "lot", "units", "ends_on", "status")
    list_filter = ("status",)
    search_fields = ("public_id", "lot__public_id", "organization__public_id")
    list_select_related = ("organization", "lot")
    ordering = ("-pk",)


@admin.register(Pool)
class PoolAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "organization", "snapshot", "name", "is_default")
    search_fields = ("public_id", "name", "organization__name", "organization__public_id")
    list_select_related = ("organization", "snapshot")
    ordering = ("-pk",)
