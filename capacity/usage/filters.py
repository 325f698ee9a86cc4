"""What the lists of usage alerts and of exhausted windows can be filtered and ordered by."""

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, ClassVar

from django.db.models import F, QuerySet

from capacity.models import Kind
from capacity.usage.models import AlertRule
from capacity.usage.queries.exhausted import ShownWindow
from common.lists import ListFilters, Ordering, choice, day

NEWEST = ["-starts_at", "snapshot_id", "pool_id", "kind"]


class AlertFilters(ListFilters):
    """Usage alerts of an organization."""

    orders: ClassVar[Ordering] = {
        "": ("Newest first", ["-at", "-starts_at", "rule", "snapshot_id", "pool_id", "kind"]),
        "oldest": ("Oldest first", ["at", "starts_at", "rule", "snapshot_id", "pool_id", "kind"]),
    }
    searches = "Model"

    rule = choice("Alert", "All alerts", AlertRule.choices)
    kind = choice("Units", "All units", Kind.choices)

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        for name in ("rule", "kind"):
            if value := self.value(name):
                rows = rows.filter(**{name: value})
        text = self.value("q")
        return rows.filter(snapshot__model__icontains=text) if text else rows


class ExhaustedFilters(ListFilters):
    """Exhausted windows."""

    orders: ClassVar[Ordering] = {
        "": ("Newest first", NEWEST),
        "oldest": ("Oldest first", ["starts_at", "snapshot_id", "pool_id", "kind"]),
        "over": ("Most over first", [(F("used") - F("allowance")).desc(), *NEWEST]),
        "longest": ("Longest first", [F("minutes").desc(nulls_last=True), *NEWEST]),
    }
    searches = "Model"

    on = day("Day")

    def filter(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if on := self._on:
            rows = rows.filter(starts_at__date=on)
        if text := self.value("q"):
            rows = rows.filter(snapshot__model__icontains=text)
        return rows

    def of_open(self, windows: Sequence[ShownWindow]) -> list[ShownWindow]:
        """Return the open windows that match, which are not in the database, in their order."""
        text = self.value("q").lower()
        return [
            shown
            for shown in windows
            if text in shown.snapshot.model.lower()
            and self._on in {None, shown.window.starts_at.astimezone(UTC).date()}
        ]

    @property
    def _on(self) -> date | None:
        found: date | None = self.cleaned_data.get("on")
        return found
