"""Lots and their expired units."""

from datetime import date
from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import (
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
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
    return (
        with_renewing_units(rows)
        .select_related("snapshot", "pool", "project", "purchase__created_by")
        .prefetch_related(
            _cancelling(),
            Prefetch("expiries", Expiry.objects.order_by("ended_on", "pk"), to_attr="expired"),
        )
    )


def _cancelling() -> Prefetch[Any]:
    scheduled = Cancellation.objects.filter(status=CancellationStatus.SCHEDULED)
    return Prefetch("cancellations", scheduled.order_by("ends_on", "pk"), to_attr="cancelling")


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


def search_lots(rows: QuerySet[Lot], text: str) -> QuerySet[Lot]:
    """Return the lots whose id or purchase begins so, or whose buyer or project has the text."""
    found = Q(public_id__istartswith=text) | Q(purchase__public_id__istartswith=text)
    for column in ("purchase__created_by__name", "purchase__created_by__email", "project__name"):
        found |= Q(**{f"{column}__icontains": text})
    return rows.filter(found) if text else rows


def renewing_lots(
    rows: "QuerySet[WithAnnotations[Lot, RenewingUnits]]",
) -> "QuerySet[WithAnnotations[Lot, RenewingUnits]]":
    """Return the lots with units that no scheduled cancellation ends."""
    return rows.filter(renewing_units__gt=0)


def ending_lots(rows: QuerySet[Lot]) -> QuerySet[Lot]:
    """Return the lots with units that a scheduled cancellation ends."""
    scheduled = Cancellation.objects.filter(lot=OuterRef("pk"), status=CancellationStatus.SCHEDULED)
    return rows.filter(Exists(scheduled))


def lots_of_model(organization: Organization, *, model: str, on: date) -> QuerySet[Lot]:
    """Return a snapshot's active lots, newest first, each with its `price_today` (R6).

    They have what `lots` gives them, except the list of what expired.
    """
    active = lots(organization, model=model, status="active").prefetch_related(None)
    return active.prefetch_related(_cancelling()).annotate(price_today=lot_price(on))


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


def search_expiries(rows: QuerySet[Expiry], text: str) -> QuerySet[Expiry]:
    """Return the expiries of lots whose id begins so."""
    return rows.filter(lot__public_id__istartswith=text) if text else rows


def newest_model(organization: Organization) -> str | None:
    """Return the model that units were bought of most recently, of those that are still active."""
    held = Lot.objects.filter(organization=organization, active_units__gt=0)
    return held.order_by("-pk").values_list("snapshot__model", flat=True).first()
