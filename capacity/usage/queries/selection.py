"""Which usage is looked at: a kind of tokens, and one model or project, or all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Project
from capacity.models import Kind
from capacity.usage.domain.coverage import Covered, MinuteUse
from capacity.usage.domain.exhaustion import Exhaustion
from capacity.usage.models import ExhaustedWindow, UsageWindow
from capacity.usage.queries.snapshots import Snapshots

TOKENS = {
    Kind.INPUT: ("input_tokens", "covered_input"),
    Kind.OUTPUT: ("output_tokens", "covered_output"),
    Kind.COMBINED: ("weighted_tokens", "covered_weighted"),
}
"""The columns of all tokens and of the covered ones."""

COUNTED_BY: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.INPUT: (Kind.INPUT, Kind.COMBINED),
    Kind.OUTPUT: (Kind.OUTPUT, Kind.COMBINED),
    Kind.COMBINED: (Kind.COMBINED,),
}
"""The kinds of unit that can cover a kind of token."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which usage is counted, and which tokens of it.

    `kind` combined counts weighted tokens of snapshots that are sold so.
    """

    kind: Kind = Kind.INPUT
    model: str | None = None
    project: Project | None = None

    def rows(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Return the rows of days or windows that are counted."""
        rows = self._of_model(rows)
        if self.project is not None:
            rows = rows.filter(project_id=self.project.pk)
        if self.kind == Kind.COMBINED:
            rows = rows.filter(snapshot__token_units__kind=Kind.COMBINED)
        return rows

    def exhausted(self, rows: QuerySet[ExhaustedWindow]) -> QuerySet[ExhaustedWindow]:
        """Return the exhausted windows that are counted: of a project, those that it used."""
        rows = self._of_model(rows).filter(kind__in=COUNTED_BY[self.kind])
        if self.project is None:
            return rows
        same = ("organization", "starts_at", "snapshot", "pool_id")
        used = UsageWindow.objects.filter(
            project_id=self.project.pk, opted_out=False, **{name: OuterRef(name) for name in same}
        )
        return rows.filter(Exists(used))

    def snapshots(self, snapshots: Snapshots) -> Snapshots:
        """Return the snapshots that are counted."""
        return {
            key: snapshot
            for key, snapshot in snapshots.items()
            if self.model in {None, snapshot.model}
            and (self.kind != Kind.COMBINED or snapshot.is_combined)
        }

    def has(self, use: MinuteUse) -> bool:
        """Return whether the project of the requests is counted."""
        return self.project is None or use.project == self.project.pk

    def has_exhaustion(self, exhaustion: Exhaustion, uses: Iterable[MinuteUse]) -> bool:
        """Return whether the exhausted allowance is counted: of a project, if it used it."""
        return exhaustion.kind in COUNTED_BY[self.kind] and any(
            self.has(use) and use.pool == exhaustion.pool and not use.opted_out for use in uses
        )

    def tokens(self, row: Covered, weighted: int) -> tuple[int, int]:
        """Return the counted tokens of a minute, and those that capacity covered."""
        return {
            Kind.INPUT: (row.use.input_tokens, row.input_tokens),
            Kind.OUTPUT: (row.use.output_tokens, row.output_tokens),
            Kind.COMBINED: (weighted, row.weighted),
        }[self.kind]

    def _of_model(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        return rows if self.model is None else rows.filter(snapshot__model=self.model)
