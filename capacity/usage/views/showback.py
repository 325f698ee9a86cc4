"""The Showback page: what an invoice's capacity cost each project."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.usage.forms import ShowbackForm
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.showback import Showback, billed_periods, showback
from common.csv import csv_download
from common.days import last_day
from common.forms import require_valid
from common.fragments import render_fragment

CSV_HEADER = [
    "invoice",
    "display_number",
    "first_day_of_period_utc",
    "last_day_of_period_utc",
    "borne_by",
    "project",
    "project_name",
    "model",
    "kind",
    "weighted_tokens",
    "entitled_tokens",
    "amount_minor_units",
    "currency",
]


@permission_required(Permission.USAGE)
@require_GET
def showback_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show an invoice by project; for htmx only the figures."""
    form, shown = _read(request, access)
    context = {"form": form, "showback": shown, "now": access.now}
    if request.htmx:
        return render_fragment(request, "usage/showback.html#figures", context)
    return render(request, "usage/showback.html", context)


@permission_required(Permission.USAGE)
@require_GET
def showback_csv(request: PageRequest, access: AccessContext) -> HttpResponseBase:
    """Download what each project used of each model and kind, and bears for it."""
    form, shown = _read(request, access)
    require_valid(form)
    name = shown.billed.display_number or "upcoming-invoice"
    return csv_download(f"showback-{name}", CSV_HEADER, _rows(shown))


def _read(request: PageRequest, access: AccessContext) -> tuple[ShowbackForm, Showback]:
    now = access.now
    form = ShowbackForm(request.GET, billed_periods(access.organization, on=now.date()))
    closed_until = close_due_windows(access.organization, now=now)
    billed = form.chosen()
    return form, showback(access.organization, billed, now=now, closed_until=closed_until)


def _rows(shown: Showback) -> Iterator[Sequence[Any]]:
    billed = shown.billed
    for share in shown.shares:
        project = share.bearer.project
        for use in share.uses:
            yield (
                billed.key,
                billed.display_number or "",
                billed.period.start,
                last_day(billed.period.end),
                share.bearer.rest.value if share.bearer.rest else "project",
                project.public_id if project else "",
                project.name if project else "",
                use.model,
                use.kind.value,
                use.tokens,
                use.entitled,
                use.amount.amount,
                use.amount.currency,
            )
