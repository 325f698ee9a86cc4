"""Admin pages of order forms, charges, invoices, payments, syncs and provider events."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, operator
from billing.models import (
    Charge,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceSync,
    ModelDiscount,
    OrderForm,
    PaymentStatus,
    ProviderEvent,
)
from billing.operations.invoice_sync import retry_sync
from billing.operations.order_forms import fix_anchor_day
from billing.operations.payments import record_payment
from billing.operations.provider_events import process_event_again
from billing.queries.order_form_effects import (
    anchor_day_effects,
    end_effects,
    signing_effects,
)
from billing.queries.payments import payment_effect
from common.errors import BusinessError


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


@admin.register(Charge)
class ChargeAdmin(ReadOnlyAdmin):
    list_display = ("posted_on", "organization", "type", "model", "kind", "units", "amount", "lot")
    list_filter = ("type",)
    search_fields = ("public_id", "lot", "organization__public_id")
    list_select_related = ("organization",)


class ReadOnlyInline(admin.TabularInline[Any, Invoice]):
    """Rows of an invoice, which nobody may change."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PaymentInline(ReadOnlyInline):
    model = InvoicePayment
    fields = ("status", "status_changed_at", "payment_failed_at")


class InvoiceLineInline(ReadOnlyInline):
    model = InvoiceLine
    verbose_name_plural = "lines, amounts in minor units"
    exclude = ("organization",)


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Issued invoices and their payment status. Operators record bank transfers here."""

    list_display = ("number", "organization", "total_due", "issued_on", "due_on", "payment_status")
    list_filter = ("payment__status", "due_on")
    search_fields = ("public_id", "=number", "organization__name", "organization__public_id")
    list_select_related = ("organization", "payment")
    ordering = ("-pk",)
    fields = (
        "public_id",
        "number",
        "organization",
        "period_start",
        "period_end",
        "issued_on",
        "due_on",
        "total_due",
    )
    readonly_fields = fields
    inlines = (PaymentInline, InvoiceLineInline)
    actions = ("record_payment",)

    @admin.display(description="Total", ordering="total")
    def total_due(self, invoice: Invoice) -> str:
        return str(invoice.money(invoice.total))

    @admin.display(description="Payment status", ordering="payment__status")
    def payment_status(self, invoice: Invoice) -> str:
        return invoice.payment.get_status_display()

    def has_record_permission(self, request: HttpRequest) -> bool:
        """Operators who may change payments may record them."""
        return request.user.has_perm("billing.change_invoicepayment")

    @admin.action(description="Record payment", permissions=["record"])
    def record_payment(
        self, request: HttpRequest, selected: QuerySet[Invoice]
    ) -> HttpResponse | None:
        """Ask for confirmation with a list of invoices, then record each as paid outside Stripe."""
        owed = selected.filter(
            payment__status__in=[PaymentStatus.OPEN, PaymentStatus.UNCOLLECTIBLE]
        )
        invoices = list(owed.select_related("organization", "payment", "sync").order_by("pk"))
        if not invoices:
            self.message_user(request, "Nothing is owed for these any more.", messages.WARNING)
        elif "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": "Record payment",
                "opts": self.opts,
                "invoices": [
                    (invoice, invoice.money(invoice.total), payment_effect(invoice))
                    for invoice in invoices
                ],
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return render(request, "admin/billing/record_payment.html", context)
        for invoice in invoices:
            self._record_payment(request, invoice)
        return None

    def _record_payment(self, request: HttpRequest, invoice: Invoice) -> None:
        now = invoice.organization.now()
        try:
            record_payment(invoice=invoice, by=operator(request), now=now)
        except BusinessError as error:
            self.message_user(request, error.detail, messages.ERROR)
        else:
            total = invoice.money(invoice.total)
            self.message_user(request, f"{invoice}: the payment of {total} is recorded.")


@admin.register(InvoiceSync)
class InvoiceSyncAdmin(ReadOnlyAdmin):
    """The sync of each invoice to the payment provider, with the last error of each."""

    list_display = (
        "invoice",
        "organization",
        "status",
        "last_error",
        "attempts",
        "next_attempt_at",
        "synced_at",
        "provider_id",
    )
    list_filter = ("status",)
    search_fields = ("invoice__public_id", "organization__public_id", "provider_id")
    list_select_related = ("invoice__organization", "organization")
    actions = ("retry",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Operators who may change syncs may retry them."""
        return request.user.has_perm("billing.change_invoicesync")

    @admin.action(description="Retry", permissions=["retry"])
    def retry(self, request: HttpRequest, selected: QuerySet[InvoiceSync]) -> None:
        retried = sum(
            retry_sync(sync=sync, by=operator(request), now=sync.organization.now())
            for sync in selected.select_related("invoice", "organization")
        )
        self.message_user(request, f"{retried} put back in the queue; only failed ones can be.")

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
    """The events that the payment provider sent, and the outcome or the error of each."""

    list_display = (
        "event_id",
        "type",
        "created_at",
        "received_at",
        "processed_at",
        "outcome",
        "error",
    )
    list_filter = (("error", admin.EmptyFieldListFilter), "type")
    search_fields = ("event_id", "payload__data__object__id")
    actions = ("process_again",)

    def has_process_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may change events, which the action below requires."""
        return request.user.has_perm("billing.change_providerevent")

    @admin.action(description="Process again", permissions=["process"])
    def process_again(self, request: HttpRequest, selected: QuerySet[ProviderEvent]) -> None:
        now = timezone.now()
        processed = sum(
            process_event_again(event=event, by=operator(request), now=now)
            for event in selected.exclude(error="")
        )
        self.message_user(request, f"{processed} processed; only those with an error can be.")
