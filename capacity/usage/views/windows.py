"""The page of one window of a pool: why its allowance was not enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.views.permissions import PageRequest, permission_required
from capacity.models import Kind
from capacity.usage.domain.windows import window_start
from capacity.usage.operations.windows import close_due_windows
from capacity.usage.queries.exhausted import Exhausted
from capacity.usage.queries.one_more_unit import one_more_unit
from capacity.usage.queries.usage import Bucket, Usage, View
from capacity.usage.queries.windows import MinuteOfWindow, Window, find_window
from capacity.usage.views.usage_picture import UsagePicture, usage_picture
from capacity.usage.views.window_words import notes, sentences
from common.errors import NotFound
from common.fragments import render_fragment


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """A minute of a window as the picture and the table show it."""

    minute: MinuteOfWindow

    @property
    def label(self) -> str:
        return f"{self.minute.start:%H:%M}"

    @property
    def reading(self) -> str:
        minute = self.minute
        return f"{minute.asked:,} tokens; {minute.covered:,} used so far, {minute.over:,} over"


@permission_required(Permission.USAGE)
@require_GET
def window_page(
    request: PageRequest, access: AccessContext, pool_id: str, start: str, kind: str
) -> HttpResponse:
    """Show a window, by its pool, its start and the kind of unit; for htmx as a dialog."""
    find = partial(
        find_window,
        access.organization,
        pool_id=pool_id,
        start=_start(start),
        kind=_kind(kind),
        now=access.now,
    )
    if (window := find()).is_due:
        close_due_windows(access.organization, now=access.now)
        window = find()
    context = _context(access, window) | {"level": 3 if request.htmx else 2}
    if request.htmx:
        return render_fragment(request, "usage/window.html#dialog", context)
    return render(request, "usage/window.html", context)


def _context(access: AccessContext, window: Window) -> dict[str, Any]:
    here = access.organization.public_id
    one_more = window.exhausted and one_more_unit(
        access.organization, window.exhausted, now=access.now
    )
    in_pool = {} if window.pool.is_default else {"pool": window.pool.public_id}
    query = urlencode({"model": window.snapshot.model, window.kind: 1, **in_pool})
    return {
        "window": window,
        # Without a line break between the times.
        "title": f"Window {window.start:%Y-%m-%d, %H:%M}\N{NBSP}→\N{NBSP}{window.end:%H:%M}",
        "sentences": list(sentences(window)),
        "notes": list(notes(window)),
        "minutes": [MinuteRow(minute) for minute in window.minutes or []],
        "picture": window.minutes and _picture(window, window.minutes),
        "one_more": one_more,
        "add_address": one_more and f"{reverse('add_capacity', args=[here])}?{query}",
        "back": reverse("usage", args=[here]),
    }


def _start(text: str) -> datetime:
    try:
        return window_start(text)
    except ValueError:
        raise NotFound(f"There is no window “{text}”.") from None


def _kind(text: str) -> Kind:
    if text not in Kind.values:
        raise NotFound(f"There is no kind of unit “{text}”.")
    return Kind(text)


def _picture(window: Window, minutes: Sequence[MinuteOfWindow]) -> UsagePicture:
    """Return how the use of a window grew, with its allowance drawn over it."""
    buckets = [
        Bucket(
            minute.start,
            scale=minute.covered,
            account=minute.over,
            entitlement=window.allowance,
        )
        for minute in minutes
    ]
    ran_out_at = window.exhausted and window.exhausted.ran_out_at
    marks = {
        bucket.start: Exhausted(1, 1)
        for bucket in buckets
        if ran_out_at and bucket.start >= ran_out_at
    }
    return usage_picture(Usage(60, buckets, as_of=window.end), View.MINUTES, marks)
