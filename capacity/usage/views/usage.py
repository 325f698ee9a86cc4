"""The Usage page: what capacity covered, and what went to the account plan."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.usage.forms import VIEWS, UsageForm
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.present import usage_now
from capacity.usage.queries.usage import Bucket, Usage, View, usage
from capacity.usage.views.usage_picture import bucket_label, usage_picture
from common.csv import csv_download
from common.fragments import render_fragment
from common.instants import rfc3339

CSV_HEADER = [
    "start_utc",
    "seconds",
    "scale_tier_tokens",
    "account_plan_tokens",
    "entitlement_tokens",
    "requests",
]


@permission_required(Permission.USAGE)
@require_GET
def usage_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show a view of usage as a picture and as a table; for htmx only these."""
    form, chosen, shown = _read(request, access)
    view: View = chosen["view"]
    context = {
        "form": form,
        "chosen": chosen,
        "usage": shown,
        "now": access.now,
        "picture": usage_picture(shown, view),
        "rows": [(bucket_label(view, bucket), bucket) for bucket in shown.buckets],
        "busiest": _busiest(view, shown.buckets),
        "views": [(key.value, label, _address(request, key)) for key, label in VIEWS.items()],
        "address": request.GET.urlencode(),
    }
    if request.htmx:
        return render_fragment(request, "usage/usage.html#figures", context)
    return render(request, "usage/usage.html", context)


@permission_required(Permission.SCALE_TIER)
@require_GET
def usage_now_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the last whole minute, by model; the Scale Tier page loads it by htmx."""
    context = {
        "present": usage_now(access.organization, now=access.now),
        "may_see_usage": access.may(Permission.USAGE),
    }
    if request.htmx:
        return render_fragment(request, "usage/now.html#now", context)
    return render(request, "usage/now.html", context)


@permission_required(Permission.USAGE)
@require_GET
def usage_csv(request: PageRequest, access: AccessContext) -> HttpResponseBase:
    """Download what the page shows."""
    _, chosen, shown = _read(request, access)
    rows = (
        [
            rfc3339(bucket.start),
            shown.bucket_seconds,
            bucket.scale,
            bucket.account,
            bucket.entitlement,
            bucket.requests,
        ]
        for bucket in shown.buckets
    )
    return csv_download(f"usage-{chosen['view']}-{chosen['kind']}", CSV_HEADER, rows)


def _read(request: PageRequest, access: AccessContext) -> tuple[UsageForm, dict[str, Any], Usage]:
    form = UsageForm(request.GET, organization=access.organization)
    chosen = form.chosen()
    close_due_windows(access.organization, now=access.now)
    return form, chosen, usage(access.organization, now=access.now, **chosen)


def _busiest(view: View, buckets: Sequence[Bucket]) -> tuple[str, int] | None:
    """Return the bucket with the most tokens, the earliest of equal ones; None without any."""
    bucket = max(buckets, key=lambda bucket: bucket.scale + bucket.account)
    tokens = bucket.scale + bucket.account
    return (bucket_label(view, bucket), tokens) if tokens else None


def _address(request: PageRequest, view: View) -> str:
    query = request.GET.copy()
    query["window"] = view.value
    return f"?{query.urlencode()}"
