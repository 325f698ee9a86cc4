"""The operator's desk: order forms and what was charged."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import AuditedAdmin, ReadOnlyAdmin
from billing.models import Charge, ModelDiscount, OrderForm
from billing.operations.order_forms import fix_anchor_day


class ModelDiscountInline(admin.TabularInline[ModelDiscount, OrderForm]):
    model = ModelDiscount
    extra = 0


@admin.register(OrderForm)
class OrderFormAdmin(AuditedAdmin):
    """Operators write order forms; `signed at` and `signed name` record a signature on paper."""

    list_display = (
        "organization",
        "public_id",
        "starts_on",
        "ends_on",
        "discount_percent",
        "signed_at",
    )
    search_fields = ("organization__name", "public_id")
    autocomplete_fields = ("organization",)
    inlines = (ModelDiscountInline,)
    fields = (
        "organization",
        "starts_on",
        "ends_on",
        "anchor_day",
        "discount_percent",
        "days_until_due",
        "signed_at",
        "signed_name",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What was signed stays as it was signed; only its end can still be set."""
        if obj is None or obj.signed_at is None:
            return ()
        return tuple(name for name in self.fields if name != "ends_on")

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)
        fix_anchor_day(obj)


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    list_display = ("posted_on", "organization", "type", "model", "kind", "units", "amount", "lot")
    list_filter = ("type",)
    search_fields = ("public_id", "lot", "organization__public_id")
    list_select_related = ("organization",)
