"""The Usage page: what capacity covered, what went to the account plan, and when it ran out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.usage.filters import ExhaustedFilters
from capacity.usage.forms import KINDS, VIEWS, UsageForm
from capacity.usage.models import ExhaustedWindow
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.exhausted import (
    Exhausted,
    ShownWindow,
    exhausted_by_bucket,
    exhausted_windows,
    shown,
)
from capacity.usage.queries.present import usage_now
from capacity.usage.queries.selection import Selection
from capacity.usage.queries.snapshots import Snapshots, UsedPool, used_snapshots
from capacity.usage.queries.usage import Bucket, Usage, View, usage
from capacity.usage.views.usage_picture import bucket_label, usage_picture
from common.csv import csv_download
from common.forms import require_valid
from common.fragments import render_fragment
from common.instants import rfc3339
from common.lists import list_page, render_lists
from common.templatetags.display import duration
from common.texts import counted

CSV_HEADER = [
    "start_utc",
    "seconds",
    "scale_tier_tokens",
    "account_plan_tokens",
    "entitlement_tokens",
    "requests",
    "exhausted_windows",
    "exhausted_minutes",
]
EXHAUSTED_HEADER = [
    "start_utc",
    "end_utc",
    "model",
    "kind",
    "pool",
    "allowance_tokens",
    "used_tokens",
    "over_tokens",
    "ran_out_utc",
    "exhausted_minutes",
    "is_open",
]

STEPS = {View.DAYS: "day", View.WINDOWS: "window", View.MINUTES: "minute"}


@dataclass(frozen=True, slots=True)
class Row:
    """A bucket as the table shows it; `why` is the address that explains its exhausted windows."""

    label: str
    bucket: Bucket
    exhausted: Exhausted
    why: str

    @property
    def reading(self) -> str:
        """Return the figures as one line, for whoever reads the picture."""
        bucket = self.bucket
        return (
            f"{bucket.scale:,} tokens Scale Tier, {bucket.account:,} account plan,"
            f" {bucket.entitlement:,} entitled; {counted(bucket.requests, 'request')}"
        )

    @property
    def exhausted_text(self) -> str:
        """Return how long windows were exhausted, and how many where it was not only one."""
        minutes = duration(self.exhausted.minutes) if self.exhausted.minutes else ""
        if self.exhausted.only and minutes:
            return minutes
        windows = counted(self.exhausted.windows, "window")
        return f"{windows}, {minutes}" if minutes else windows

    @property
    def events(self) -> str:
        """Return what the reader of the picture is told beside the figures."""
        return f"Exhausted: {self.exhausted_text}; Enter shows why" if self.why else ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown: a view of a selection of usage."""

    form: UsageForm
    view: View
    selection: Selection
    snapshots: Snapshots
    usage: Usage
    exhausted: Mapping[datetime, Exhausted]

    @property
    def heading(self) -> str:
        return KINDS[self.selection.kind]

    @property
    def step(self) -> str:
        """Return what one bucket is."""
        return STEPS[self.view]

    @property
    def total(self) -> Exhausted:
        """Return how often and how long capacity was exhausted in the view."""
        total = sum(self.exhausted.values(), Exhausted())
        if self.view != View.MINUTES:
            return total
        return Exhausted(len(self.usage.open_exhausted), total.minutes)  # Of each, many minutes.


@permission_required(Permission.USAGE)
@require_GET
def usage_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show a view of usage as a picture and as a table; for htmx only these."""
    chosen = _read(request, access)
    filters = ExhaustedFilters("exhausted", request.GET)
    rows = exhausted_windows(access.organization, chosen.selection, chosen.usage)
    closed = list_page(request, "exhausted", rows, filters)
    still_open = chosen.usage.open_exhausted if closed.page.number == 1 else []
    open_rows = shown(still_open, chosen.snapshots, is_open=True)
    context = {
        "form": chosen.form,
        "chosen": chosen,
        "usage": chosen.usage,
        "picture": usage_picture(chosen.usage, chosen.view, chosen.exhausted),
        "rows": _rows(request, access, chosen),
        "busiest": _busiest(chosen.view, chosen.usage.buckets),
        "views": [(key.value, label, _address(request, key)) for key, label in VIEWS.items()],
        "address": request.GET.urlencode(),
        "exhausted": closed,
        "open_windows": filters.of_open(open_rows),
        "closed_windows": shown(list(closed), chosen.snapshots),
        "exhausted_csv": _exhausted_csv(request, access),
    }
    if request.htmx and request.htmx.target == "figures":
        return render_fragment(request, "usage/usage.html#figures", context)
    return render_lists(request, "usage/usage.html", context)


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
    """Download what the table of the page shows, the oldest first."""
    chosen = _read(request, access)
    require_valid(chosen.form)
    rows = (
        [
            rfc3339(bucket.start),
            chosen.usage.bucket_seconds,
            bucket.scale,
            bucket.account,
            bucket.entitlement,
            bucket.requests,
            chosen.exhausted[bucket.start].windows,
            chosen.exhausted[bucket.start].minutes,
        ]
        for bucket in chosen.usage.buckets
    )
    return csv_download(f"usage-{chosen.view}-{chosen.selection.kind}", CSV_HEADER, rows)


@permission_required(Permission.USAGE)
@require_GET
def exhausted_csv(request: PageRequest, access: AccessContext) -> HttpResponseBase:
    """Download the exhausted windows that the filters of the page leave, the open ones first."""
    chosen = _read(request, access)
    require_valid(chosen.form)
    filters = ExhaustedFilters("exhausted", request.GET).required()
    closed = exhausted_windows(access.organization, chosen.selection, chosen.usage)
    rows = [
        *filters.of_open(shown(chosen.usage.open_exhausted, chosen.snapshots, is_open=True)),
        *shown(list(filters.apply(closed)), chosen.snapshots),
    ]
    name = f"exhausted-windows-{chosen.view}-{chosen.selection.kind}"
    return csv_download(name, EXHAUSTED_HEADER, map(_exhausted_row, rows))


def _exhausted_row(row: ShownWindow) -> Sequence[Any]:
    window = row.window
    return (
        rfc3339(window.starts_at),
        rfc3339(window.ends_at),
        row.snapshot.model,
        window.kind,
        row.pool.public_id,
        window.allowance,
        window.used,
        window.over,
        rfc3339(window.ran_out_at) if window.ran_out_at else "",
        window.minutes or "",
        "true" if row.is_open else "false",
    )


def _exhausted_csv(request: PageRequest, access: AccessContext) -> str:
    """Return the address of the download, without the parameters of the list."""
    address = reverse("exhausted_csv", args=[access.organization.public_id])
    query = _without_list(request).urlencode()
    return f"{address}?{query}" if query else address


def _window_address(organization_id: str, pool: UsedPool, window: ExhaustedWindow) -> str:
    """Return the address of the page that explains a window."""
    arguments = [organization_id, pool.public_id, window.window_id, window.kind]
    return reverse("usage_window", args=arguments)


def _read(request: PageRequest, access: AccessContext) -> Chosen:
    organization = access.organization
    snapshots = used_snapshots(organization)
    models = [snapshot.model for snapshot in snapshots.values()]
    form = UsageForm(request.GET, organization=organization, models=models)
    arguments = form.chosen()
    read = partial(usage, organization, now=access.now, snapshots=snapshots, **arguments)
    if (found := read()).has_due:
        close_due_windows(organization, now=access.now)
        found = read()
    view = arguments.pop("view")
    selection = Selection(**arguments)
    exhausted = exhausted_by_bucket(organization, selection, found, view)
    return Chosen(form, view, selection, snapshots, found, exhausted)


def _rows(request: PageRequest, access: AccessContext, chosen: Chosen) -> list[Row]:
    def why(bucket: Bucket, found: Exhausted) -> str:
        if found.only:
            pool = chosen.snapshots[found.only.snapshot_id].pools[found.only.pool_id]
            return _window_address(access.organization.public_id, pool, found.only)
        query = _without_list(request)
        query["exhausted-on"] = f"{bucket.start:%Y-%m-%d}"
        return f"?{query.urlencode()}#exhausted"

    return [
        Row(
            bucket_label(chosen.view, bucket),
            bucket,
            found := chosen.exhausted[bucket.start],
            why(bucket, found) if found.windows else "",
        )
        for bucket in chosen.usage.buckets
    ]


def _busiest(view: View, buckets: Sequence[Bucket]) -> tuple[str, Bucket] | None:
    """Return the bucket with the most tokens, the earliest of equal ones; None without any."""
    bucket = max(buckets, key=lambda bucket: bucket.tokens)
    return (bucket_label(view, bucket), bucket) if bucket.tokens else None


def _address(request: PageRequest, view: View) -> str:
    query = _without_list(request)
    query["window"] = view.value
    return f"?{query.urlencode()}"


def _without_list(request: PageRequest) -> QueryDict:
    """Return the parameters of the page without those of the list of exhausted windows."""
    query = request.GET.copy()
    for name in [name for name in query if name.partition("-")[0] == "exhausted"]:
        del query[name]
    return query
