"""Admin pages of quote requests, which operators answer with an order form or decline (R23)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin import ReadOnlyAdmin, operator
from billing.models import OrderForm
from billing.models.order_forms import PERCENT_VALIDATORS
from billing.queries.order_forms import proposed_form
from capacity.models import QuoteRequest
from capacity.models.quote_requests import MAX_REPLY_LENGTH
from capacity.operations.quote_requests import answer_quote_request, decline_quote_request
from capacity.queries.quote_requests import waiting_first, with_lines
from capacity.templatetags.units import units
from common.errors import BusinessError
from common.forms import add_business_error


class AnswerForm(forms.ModelForm[OrderForm]):
    """The terms of the order form that answers a request, with a discount for each model."""

    reply = forms.CharField(
        label="Message",
        required=False,
        max_length=MAX_REPLY_LENGTH,
        help_text="A sentence for the email and the owners' page. It is not part of the form.",
    )

    class Meta:
        model = OrderForm
        fields = (
            "starts_on",
            "ends_on",
            "anchor_day",
            "discount_percent",
            "days_until_due",
            "terms",
        )
        widgets = {
            "starts_on": forms.DateInput(attrs={"type": "date"}),
            "ends_on": forms.DateInput(attrs={"type": "date"}),
            "terms": forms.Textarea(attrs={"rows": 12, "cols": 80}),
        }

    def __init__(self, data: Any, *, quote_request: QuoteRequest, instance: OrderForm) -> None:
        super().__init__(data, instance=instance)
        self.models = [asked.snapshot.model for asked in quote_request.requested_models.all()]
        for position, model in enumerate(self.models):
            self.fields[f"discount_{position}"] = forms.DecimalField(
                label=f"Discount percent on {model}",
                required=False,
                max_digits=5,
                decimal_places=2,
                validators=PERCENT_VALIDATORS,
                help_text="Empty: the general one.",
            )
        self.order_fields([*list(self.fields)[:4], *list(self.fields)[7:]])

    @property
    def model_discounts(self) -> dict[str, Decimal]:
        """Return the discounts by model that were given. Call `is_valid` first."""
        percents = {
            model: self.cleaned_data[f"discount_{position}"]
            for position, model in enumerate(self.models)
        }
        return {model: percent for model, percent in percents.items() if percent is not None}


class DeclineForm(forms.Form):
    reply = forms.CharField(
        label="Why",
        max_length=MAX_REPLY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="A sentence that the owners read in the email and on their page.",
    )


@admin.register(QuoteRequest)
class QuoteRequestAdmin(ReadOnlyAdmin):
    """What customers ask for. Those that wait for an answer come first, the oldest first."""

    list_display = (
        "public_id",
        "status",
        "organization",
        "asked_for",
        "cost_per_day",
        "created_at",
        "created_by",
        "order_form",
    )
    list_filter = ("status",)
    search_fields = ("public_id", "organization__name", "organization__public_id", "note")
    list_select_related = ("organization", "created_by", "order_form")
    fields = (
        "status",
        "organization",
        "created_by",
        "created_at",
        "expected",
        "asked_for",
        "cost_per_day",
        "note",
        "order_form",
        "reply",
        "replied_by",
        "replied_at",
        "withdrawn_by",
        "withdrawn_at",
    )
    readonly_fields = ("expected", "asked_for", "cost_per_day")
    change_form_template = "admin/capacity/change_quote_request.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuoteRequest]:
        return waiting_first(with_lines(super().get_queryset(request)))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return ()

    @admin.display(description="Expected traffic")
    def expected(self, quote_request: QuoteRequest) -> SafeString:
        return _lines(str(asked) for asked in quote_request.requested_models.all())

    @admin.display(description="Units needed")
    def asked_for(self, quote_request: QuoteRequest) -> SafeString:
        return _lines(
            f"{units(line.units, line.kind)} of {line.model}" for line in quote_request.lines
        )

    @admin.display(description="Per day, standard rates")
    def cost_per_day(self, quote_request: QuoteRequest) -> str:
        return str(quote_request.per_day or "no price yet")

    def has_answer_permission(self, request: HttpRequest) -> bool:
        """Operators who may change requests may answer and decline them."""
        return bool(request.user.has_perm("capacity.change_quoterequest"))

    def get_urls(self) -> list[URLPattern]:
        def url(step: str, view: Any) -> URLPattern:
            route, name = f"<int:request_key>/{step}/", f"capacity_quoterequest_{step}"
            pattern: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return pattern

        return [
            url("answer", self.answer_view),
            url("decline", self.decline_view),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {**(extra_context or {}), "may_answer": self.has_answer_permission(request)}
        return super().change_view(request, object_id, form_url, context)

    def answer_view(self, request: HttpRequest, request_key: int) -> HttpResponse:
        """Write the order form that answers a request; saving it tells the owners."""
        quote_request = self._open_request(request, request_key)
        if quote_request is None:
            return redirect("admin:capacity_quoterequest_changelist")
        organization = quote_request.organization
        now = organization.now()
        proposal = proposed_form(organization, now.date())
        form = AnswerForm(request.POST or None, quote_request=quote_request, instance=proposal)
        if form.is_valid():
            try:
                made = answer_quote_request(
                    request=quote_request,
                    form=form.instance,
                    model_discounts=form.model_discounts,
                    reply=form.cleaned_data["reply"],
                    by=operator(request),
                    now=now,
                )
            except BusinessError as error:
                add_business_error(form, error)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                self.message_user(request, f"{made} awaits the signature of {organization}.")
                return redirect("admin:capacity_quoterequest_changelist")
        return self._step(request, quote_request, form, "Answer with an order form")

    def decline_view(self, request: HttpRequest, request_key: int) -> HttpResponse:
        """Decline a request with a sentence, which the owners read."""
        quote_request = self._open_request(request, request_key)
        if quote_request is None:
            return redirect("admin:capacity_quoterequest_changelist")
        form = DeclineForm(request.POST or None)
        if form.is_valid():
            try:
                decline_quote_request(
                    request=quote_request,
                    reply=form.cleaned_data["reply"],
                    by=operator(request),
                    now=quote_request.organization.now(),
                )
            except BusinessError as error:
                add_business_error(form, error)
            else:
                self.message_user(request, f"{quote_request} is declined; the owners are told.")
                return redirect("admin:capacity_quoterequest_changelist")
        return self._step(request, quote_request, form, "Decline")

    def _open_request(self, request: HttpRequest, request_key: int) -> QuoteRequest | None:
        """Return the request; None if it is answered already, or not this operator's to answer."""
        rows = QuoteRequest.objects.filter(pk=request_key)
        found = with_lines(rows).select_related("organization").first()
        if found is None or not self.has_answer_permission(request):
            self.message_user(request, "You may not answer this request.", "ERROR")
            return None
        if not found.is_open:
            self.message_user(request, f"{found} is {found.status} already.", "WARNING")
            return None
        return found

    def _step(
        self, request: HttpRequest, quote_request: QuoteRequest, form: Any, title: str
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "opts": self.opts,
            "quote_request": quote_request,
            "form": form,
            "back": reverse("admin:capacity_quoterequest_change", args=[quote_request.pk]),
        }
        return render(request, "admin/capacity/quote_request_step.html", context)


def _lines(texts: Iterable[str]) -> SafeString:
    return format_html_join("\n", '<span class="nowrap">{}</span><br>', ((text,) for text in texts))
