"""Admin pages of quote requests, which operators answer (R23)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin import ReadOnlyAdmin
from capacity.models import QuoteRequest
from capacity.queries.quote_requests import waiting_first, with_lines
from capacity.templatetags.units import units


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
    )
    readonly_fields = ("expected", "asked_for", "cost_per_day")

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


def _lines(texts: Any) -> SafeString:
    return format_html_join("\n", "{}<br>", ((text,) for text in texts))
