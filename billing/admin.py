"""The operator's desk: order forms and what was charged."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, operator
from billing.models import Charge, Dispatch, ModelDiscount, OrderForm, ProviderEvent
from billing.operations.dispatches import send_again
from billing.operations.order_forms import fix_anchor_day


def _is_open(form: OrderForm | None) -> bool:
    """What was signed stays as it was signed."""
    return form is None or form.signed_at is None


class ModelDiscountInline(admin.TabularInline[ModelDiscount, OrderForm]):
    model = ModelDiscount
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and super().has_delete_permission(request, obj)


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
        if _is_open(obj):
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


@admin.register(Dispatch)
class DispatchAdmin(ReadOnlyAdmin):
    """Invoices on their way to the payment provider, with what stands in the way of each."""

    list_display = (
        "invoice",
        "organization",
        "status",
        "problem",
        "attempts",
        "next_attempt_at",
        "sent_at",
        "provider_id",
    )
    list_filter = ("status",)
    search_fields = ("invoice__public_id", "organization__public_id", "provider_id")
    list_select_related = ("invoice__organization", "organization")
    actions = ("send_again",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """For the action below: operators who may change dispatches."""
        return request.user.has_perm("billing.change_dispatch")

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Dispatch]) -> None:
        again = sum(
            send_again(dispatch=dispatch, by=operator(request), now=timezone.now())
            for dispatch in chosen.select_related("invoice", "organization")
        )
        self.message_user(request, f"{again} put back in the queue; only failed ones can be.")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not settings.STRIPE_SECRET_KEY:
            self.message_user(
                request,
                "STRIPE_SECRET_KEY is not set: pending invoices stay here until it is.",
                messages.WARNING,
            )
        return super().changelist_view(request, extra_context)


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    """What the payment provider told us, and what came of it."""

    list_display = ("event_id", "type", "created_at", "received_at", "processed_at", "outcome")
    list_filter = ("type",)
    search_fields = ("event_id", "payload__data__object__id")
