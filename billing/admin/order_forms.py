"""Admin pages of order forms."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin import AuditedAdmin
from billing.models import ModelDiscount, OrderForm
from billing.operations.order_forms import fix_anchor_day
from billing.queries.order_form_effects import (
    anchor_day_effects,
    end_effects,
    signing_effects,
)


def _is_unsigned(form: OrderForm | None) -> bool:
    """Return whether the form can still be edited. A signed form never changes (R23)."""
    return form is None or form.signed_at is None


class ModelDiscountInline(admin.TabularInline[ModelDiscount, OrderForm]):
    model = ModelDiscount
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_unsigned(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_unsigned(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_unsigned(obj) and super().has_delete_permission(request, obj)


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

    def effects(self, form: ModelForm[Any], formsets: Iterable[Any]) -> list[str]:
        """Return what the signature does, or the end of a signed form; a draft does nothing yet."""
        order_form: OrderForm = form.instance
        if order_form.signed_at is None:
            return anchor_day_effects(order_form) if "anchor_day" in form.changed_data else []
        if "signed_at" in form.changed_data:
            return signing_effects(order_form) + anchor_day_effects(order_form)
        return end_effects(order_form) if "ends_on" in form.changed_data else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only the end of a signed form can be set."""
        if _is_unsigned(obj):
            return ()
        return tuple(name for name in self.fields if name != "ends_on")

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        if not change:
            obj.created_at = obj.organization.now()
        super().save_model(request, obj, form, change)
        fix_anchor_day(obj)
