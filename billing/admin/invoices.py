"""Admin pages of charges, invoices, payments, syncs and provider events."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.admin import ReadOnlyAdmin, operator
from billing.models import (
    Charge,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    InvoiceSync,
    PaymentStatus,
    ProviderEvent,
)
from billing.operations.invoice_sync import retry_sync
from billing.operations.payments import record_payment
from billing.operations.provider_events import process_event_again
from billing.queries.payments import long_overdue_payments, payment_effect
from common.errors import BusinessError


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


class StandingFilter(admin.SimpleListFilter):
    """Invoices that make their organization overdue (R11); sandboxes pay nobody."""

    title = "standing"
    parameter_name = "standing"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("overdue", "Unpaid 14 days past due")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "overdue":
            return queryset
        overdue = long_overdue_payments(timezone.now().date()).filter(organization__clock_at=None)
        return queryset.filter(pk__in=overdue.values("pk"))


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Issued invoices and their payment status. Operators record bank transfers here."""

    list_display = (
        "readable_number",
        "organization",
        "total_due",
        "issued_on",
        "due_on",
        "payment_status",
    )
    list_filter = ("payment__status", StandingFilter, "due_on")
    search_fields = (
        "public_id",
        "=number",
        "organization__name",
        "organization__public_id",
        "organization__billing__invoice_prefix",
    )
    list_select_related = ("organization__billing", "payment")
    ordering = ("-pk",)
    fields = (
        "public_id",
        "readable_number",
        "organization",
        "period_start",
        "period_end",
        "issued_on",
        "due_on",
        "total_due",
        "billed_to",
    )
    readonly_fields = fields
    inlines = (PaymentInline, InvoiceLineInline)
    actions = ("record_payment",)

    @admin.display(description="Number", ordering="number")
    def readable_number(self, invoice: Invoice) -> str:
        return invoice.display_number

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
        """Ask for confirmation with a list of invoices, then record each as paid outside Stripe.

        Whoever records one payment lands on its invoice.
        """
        owed = selected.filter(
            payment__status__in=[PaymentStatus.OPEN, PaymentStatus.UNCOLLECTIBLE]
        )
        invoices = list(
            owed.select_related("organization__billing", "payment", "sync").order_by("pk")
        )
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
        if len(invoices) == 1:
            return redirect("admin:billing_invoice_change", invoices[0].pk)
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
    list_select_related = ("invoice__organization__billing", "organization")
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
