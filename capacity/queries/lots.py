"""Lots and their expired units."""

from datetime import date
from typing import TYPE_CHECKING, TypedDict

from django.db.models import (
    Exists,
    F,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce

from accounts.models import Organization
from capacity.models import Cancellation, CancellationStatus, Expiry, Lot
from capacity.queries.catalogue import lot_price
from common.errors import NotFound

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class RenewingUnits(TypedDict):
    """What `with_renewing_units` adds to a lot."""

    renewing_units: int


def with_renewing_units(
    rows: QuerySet[Lot],
) -> "QuerySet[WithAnnotations[Lot, RenewingUnits]]":
    """Annotate `renewing_units`: the active units that no scheduled cancellation ends (R5)."""
    scheduled = Cancellation.objects.filter(lot=OuterRef("pk"), status=CancellationStatus.SCHEDULED)
    cancelled = scheduled.order_by().values("lot").annotate(total=Sum("units")).values("total")
    return rows.annotate(renewing_units=F("active_units") - Coalesce(Subquery(cancelled), 0))


def with_details(rows: QuerySet[Lot]) -> "QuerySet[WithAnnotations[Lot, RenewingUnits]]":
    """Add the details of lots: `renewing_units`, related rows, and lists of what ends and ended.

    `cancelling` is the list of scheduled cancellations, `expired` the list of expiries.
    """
    scheduled = Cancellation.objects.filter(status=CancellationStatus.SCHEDULED)
    return (
        with_renewing_units(rows)
        .select_related("snapshot", "pool", "project", "purchase__created_by")
        .prefetch_related(
            Prefetch("cancellations", scheduled.order_by("ends_on", "pk"), to_attr="cancelling"),
            Prefetch("expiries", Expiry.objects.order_by("ended_on", "pk"), to_attr="expired"),
        )
    )


def active_lots(organization: Organization) -> QuerySet[Lot]:
    """Return lots with active units."""
    return Lot.objects.filter(organization=organization, active_units__gt=0)


def lots(
    organization: Organization,
    *,
    model: str | None = None,
    status: str | None = None,
    project: str | None = None,
) -> "QuerySet[WithAnnotations[Lot, RenewingUnits]]":
    """Return lots with their details, newest first.

    With the status `active`, lots have active units. With `expired`, some or all of their units
    have expired. `project` is a public id.
    """
    rows = Lot.objects.filter(organization=organization)
    if model is not None:
        rows = rows.filter(snapshot__model=model)
    if project is not None:
        rows = rows.filter(project__public_id=project)
    if status == "active":
        rows = rows.filter(active_units__gt=0)
    elif status == "expired":
        rows = rows.filter(Exists(Expiry.objects.filter(lot=OuterRef("pk"))))
    return with_details(rows).order_by("-pk")


def lots_of_model(organization: Organization, *, model: str, on: date) -> QuerySet[Lot]:
    """Return a snapshot's active lots, newest first, each with its `price_today` (R6)."""
    return lots(organization, model=model, status="active").annotate(price_today=lot_price(on))


def find_lot(organization: Organization, lot_id: str) -> "WithAnnotations[Lot, RenewingUnits]":
    """Return a lot with its details. Raises NotFound, for lots of other organizations too (R18)."""
    lot = lots(organization).filter(public_id=lot_id).first()
    if lot is None:
        raise NotFound(f"There is no lot “{lot_id}”.")
    return lot


def lots_renewing_past(
    organization: Organization, commitment_ends_on: date
) -> "QuerySet[WithAnnotations[Lot, RenewingUnits]]":
    """Return the lots whose commitment ends on a day and that have `renewing_units`."""
    return (
        with_renewing_units(active_lots(organization))
        .filter(commitment_ends_on=commitment_ends_on, renewing_units__gt=0)
        .select_related("snapshot")
        .order_by("pk")
    )


def expiries(organization: Organization, *, model: str) -> QuerySet[Expiry]:
    """Return the expiries of units of a snapshot, newest first."""
    return (
        Expiry.objects.filter(organization=organization, lot__snapshot__model=model)
        .select_related("lot")
        .order_by("-pk")
    )
