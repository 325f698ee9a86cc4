"""Admin pages of order forms: drafts, signatures on paper, and early ends (R23)."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path

from accounts.admin import AuditedAdmin, operator
from billing.models import ModelDiscount, OrderForm
from billing.models.order_forms import MAX_REASON_LENGTH
from billing.operations.order_forms import (
    MAX_NAME_LENGTH,
    check_termination,
    sign_order_form,
    terminate_order_form,
)
from billing.queries.order_form_effects import (
    anchor_day_effects,
    signing_effects,
    termination_effects,
)
from billing.queries.order_forms import order_forms, terms_digest
from common.errors import BusinessError
from common.forms import add_business_error
from common.texts import validate_single_line


def _is_draft(form: OrderForm | None) -> bool:
    """Return whether the form can still be edited. A signed form never changes (R23)."""
    return form is None or not form.is_signed


class ModelDiscountInline(admin.TabularInline[ModelDiscount, OrderForm]):
    model = ModelDiscount
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and super().has_delete_permission(request, obj)


class PaperSignatureForm(forms.Form):
    """A signature that the operator has on paper. Owners sign on their own page."""

    name = forms.CharField(label="Signed by", required=False, max_length=MAX_NAME_LENGTH)
    shown = forms.CharField(widget=forms.HiddenInput)


class TerminationForm(forms.Form):
    ends_on = forms.DateField(
        label="First day without it, UTC", widget=forms.DateInput(attrs={"type": "date"})
    )
    reason = forms.CharField(
        max_length=MAX_REASON_LENGTH,
        validators=[validate_single_line],
        help_text="One sentence. The owners read it in the email and on their page.",
    )


@admin.register(OrderForm)
class OrderFormAdmin(AuditedAdmin):
    """Operators write order forms, and owners sign them. A signed one can only be read."""

    list_display = (
        "organization",
        "public_id",
        "starts_on",
        "last_day_with_it",
        "discount_percent",
        "signed_at",
    )
    list_filter = (("signed_at", admin.EmptyFieldListFilter),)
    search_fields = ("organization__name", "organization__public_id", "public_id")
    autocomplete_fields = ("organization",)
    inlines = (ModelDiscountInline,)
    terms = (
        "organization",
        "starts_on",
        "ends_on",
        "anchor_day",
        "discount_percent",
        "days_until_due",
        "terms",
    )
    signature = ("signed_at", "signed_name", "signed_by", "early_end")
    readonly_fields = signature
    change_form_template = "admin/billing/change_order_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderForm]:
        return super().get_queryset(request).select_related("organization", "termination")

    @admin.display(description="End", ordering="ends_on")
    def last_day_with_it(self, form: OrderForm) -> str:
        early = ", terminated" if form.end != form.ends_on else ""
        return f"{form.end}{early}" if form.end else "none"

    @admin.display(description="Ends early")
    def early_end(self, form: OrderForm) -> str:
        if form.end == form.ends_on:
            return "No"
        return f"On {form.end}. {form.termination.reason}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.terms if _is_draft(obj) else (*self.terms, *self.signature)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_step_permission(self, request: HttpRequest) -> bool:
        """Operators who may change forms may also record a signature and end a form early."""
        return bool(request.user.has_perm("billing.change_orderform"))

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        if not change:
            obj.created_at = obj.organization.now()
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        def url(step: str, view: Any) -> URLPattern:
            route, name = f"<int:form_key>/{step}/", f"billing_orderform_{step}"
            pattern: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return pattern

        return [
            url("sign", self.sign_view),
            url("terminate", self.terminate_view),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may_step = self.has_step_permission(request)
        context = {**(extra_context or {}), "may_step": may_step}
        return super().change_view(request, object_id, form_url, context)

    def sign_view(self, request: HttpRequest, form_key: int) -> HttpResponse:
        """Record a signature on paper, after showing what it does."""
        order_form = self._form(request, form_key)
        if order_form is None:
            return redirect("admin:billing_orderform_changelist")
        form = PaperSignatureForm(request.POST or None, initial={"shown": terms_digest(order_form)})
        if form.is_valid():
            try:
                signed = sign_order_form(
                    form=order_form,
                    signed_name=form.cleaned_data["name"],
                    by=operator(request),
                    now=order_form.organization.now(),
                    shown=form.cleaned_data["shown"],
                )
            except BusinessError as error:
                add_business_error(form, error)
            else:
                self.message_user(request, f"{signed} is signed by {signed.signed_name}.")
                return redirect("admin:billing_orderform_change", form_key)
        effects = signing_effects(order_form) + anchor_day_effects(order_form)
        return self._step(request, order_form, form, "Record a signature on paper", effects)

    def terminate_view(self, request: HttpRequest, form_key: int) -> HttpResponse:
        """End a signed form early, after showing what that does."""
        order_form = self._form(request, form_key)
        if order_form is None:
            return redirect("admin:billing_orderform_changelist")
        form = TerminationForm(request.POST or None)
        now = order_form.organization.now()
        if form.is_valid():
            ends_on: date = form.cleaned_data["ends_on"]
            try:
                check_termination(order_form, ends_on, now.date())
                effects = termination_effects(order_form, ends_on)
                if confirmation := self.confirmation_needed(request, effects):
                    return confirmation
                terminate_order_form(
                    form=order_form, **form.cleaned_data, by=operator(request), now=now
                )
            except BusinessError as error:
                add_business_error(form, error)
            else:
                self.message_user(request, f"{order_form} ends on {ends_on}.")
                return redirect("admin:billing_orderform_change", form_key)
        return self._step(request, order_form, form, "End it early", [])

    def _form(self, request: HttpRequest, form_key: int) -> OrderForm | None:
        """Return the form; None if the operator may not do this, or there is no such form."""
        row = OrderForm.objects.filter(pk=form_key).select_related("organization").first()
        if row is None or not self.has_step_permission(request):
            self.message_user(request, "You may not do this.", "ERROR")
            return None
        return order_forms(row.organization).get(pk=row.pk)

    def _step(
        self,
        request: HttpRequest,
        order_form: OrderForm,
        form: forms.Form,
        title: str,
        effects: list[str],
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "opts": self.opts,
            "order_form": order_form,
            "form": form,
            "effects": effects,
        }
        return render(request, "admin/billing/order_form_step.html", context)
