"""The operator's desk: order forms, what was charged and invoiced, and what became of it."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.admin import AuditedAdmin, ReadOnlyAdmin, operator
from accounts.errors import Refusal
from accounts.models import Organization
from accounts.operations.days import bring_up_to_date
from billing.models import (
    Charge,
    Dispatch,
    Invoice,
    InvoiceLine,
    ModelDiscount,
    OrderForm,
    ProviderEvent,
    Settlement,
    SettlementStatus,
)
from billing.operations.dispatches import send_again
from billing.operations.order_forms import fix_anchor_day
from billing.operations.settlements import record_payment


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

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is due is opened by the forms there were (R7); here, as Django saves in one
        transaction and a day is opened in its own."""
        if request.method == "POST":
            for organization in self._concerned(request, object_id):
                bring_up_to_date(organization=organization, now=organization.now())
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _concerned(self, request: HttpRequest, object_id: str | None) -> Iterator[Organization]:
        """Whose form it was, and whose it is to be."""
        if object_id and (form := self.get_object(request, unquote(object_id))):
            yield form.organization
        chosen = request.POST.get("organization", "")
        if chosen.isdecimal():
            yield from Organization.objects.filter(pk=chosen)

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


class SettlementInline(ReadOnlyInline):
    model = Settlement
    fields = ("status", "settled_at", "payment_failed_at")


class InvoiceLineInline(ReadOnlyInline):
    model = InvoiceLine
    verbose_name_plural = "lines, amounts in minor units"
    exclude = ("organization",)


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Issued invoices, and what became of them. Payments by bank transfer are recorded here."""

    list_display = ("number", "organization", "total_due", "issued_on", "due_on", "settled")
    list_filter = ("settlement__status", "due_on")
    search_fields = ("public_id", "=number", "organization__name", "organization__public_id")
    list_select_related = ("organization", "settlement")
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
    inlines = (SettlementInline, InvoiceLineInline)
    actions = ("record_payment",)

    @admin.display(description="Total", ordering="total")
    def total_due(self, invoice: Invoice) -> str:
        return str(invoice.money(invoice.total))

    @admin.display(description="Settlement", ordering="settlement__status")
    def settled(self, invoice: Invoice) -> str:
        return invoice.settlement.get_status_display()

    def has_record_permission(self, request: HttpRequest) -> bool:
        """For the action below: operators who may change settlements."""
        return request.user.has_perm("billing.change_settlement")

    @admin.action(description="Record payment", permissions=["record"])
    def record_payment(
        self, request: HttpRequest, chosen: QuerySet[Invoice]
    ) -> HttpResponse | None:
        """Asks first, naming each invoice; confirmed, records them as paid outside Stripe."""
        owed = chosen.filter(
            settlement__status__in=[SettlementStatus.OPEN, SettlementStatus.UNCOLLECTIBLE]
        )
        invoices = list(owed.select_related("organization", "settlement").order_by("pk"))
        if not invoices:
            self.message_user(request, "Nothing is owed for these any more.", messages.WARNING)
        elif "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": "Record payment",
                "opts": self.opts,
                "invoices": [(one, one.money(one.total)) for one in invoices],
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
        except Refusal as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            total = invoice.money(invoice.total)
            self.message_user(request, f"{invoice}: the payment of {total} is recorded.")


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
