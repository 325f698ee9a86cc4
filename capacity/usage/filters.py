"""What the list of usage alerts can be searched, filtered and ordered by."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from capacity.models import Kind
from capacity.usage.models import AlertRule
from common.lists import ListFilters, Ordering, choice


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
