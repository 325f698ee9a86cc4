"""Loading catalogues and setting supply: what operators do to what is sold (R6, R12)."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from accounts.operations.audit import Actor, record
from capacity.models import ListPrice, PayAsYouGoPrice, Snapshot, TokenUnit
from capacity.operations.catalogue_file import (
    BrokenCatalogue,
    CatalogueFile,
    CatalogueModel,
    read_catalogue,
)
from common.decimals import plain
from common.errors import NotFound

SHIPPED_CATALOGUE = Path(__file__).resolve().parent.parent / "data" / "catalog.json"
"""Public list prices, each with its source."""

SNAPSHOT_FIELDS = CatalogueModel.model_fields.keys() - {"id", "units", "pay_as_you_go"}
"""What a file says of a model itself, and a later file may change."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought."""

    models: int = 0
    new_models: int = 0
    new_prices: int = 0


def import_catalogue(text: str, *, by: Actor, now: datetime) -> Imported:
    """Load a catalogue: new models and dated prices are added, prices are never edited (R6).

    What is sold may change its TPM, weights or retirement for purchases to come. Returns what was
    new. All or nothing: raises BrokenCatalogue, with the place at fault, and loads nothing.
    """
    catalogue = read_catalogue(text)
    with transaction.atomic():
        former_count = Snapshot.objects.count()
        units = _save_units(catalogue)
        imported = Imported(
            models=len(catalogue.models),
            new_models=Snapshot.objects.count() - former_count,
            new_prices=_add_prices(units, catalogue) + _add_pay_as_you_go(units, catalogue),
        )
        record(
            organization=None,
            by=by,
            action="catalogue.imported",
            subject=f"{imported.models} models",
            at=now,
            after={"new_models": imported.new_models, "new_prices": imported.new_prices},
        )
    return imported


def set_supply(*, model: str, kind: str, cap: int | None, by: Actor, now: datetime) -> TokenUnit:
    """Cap the units of a snapshot and kind that exist, or lift the cap with None (R12).

    A cap below what is held already takes nothing away; it only stops further purchases. Returns
    the unit with its new cap. Raises NotFound if there are no such units.
    """
    with transaction.atomic():
        unit = (
            TokenUnit.objects.select_for_update(no_key=True, of=("self",))
            .select_related("snapshot")
            .filter(snapshot__model=model, kind=kind)
            .first()
        )
        if unit is None:
            raise NotFound(f"No {kind} units of “{model}” are sold.")
        former_cap, unit.supply_cap = unit.supply_cap, cap
        unit.save(update_fields=["supply_cap"])
        record(
            organization=None,
            by=by,
            action="supply.set",
            subject=f"{model} {kind}",
            at=now,
            before={"cap": former_cap},
            after={"cap": cap},
        )
    return unit


def _save_units(catalogue: CatalogueFile) -> dict[tuple[str, str], TokenUnit]:
    """Return the units by model and kind, saved as the file says, and so are their models.

    A new TPM is for purchases to come; lots keep theirs.
    """
    snapshots = Snapshot.objects.bulk_create(
        [
            Snapshot(model=model.id, **model.model_dump(include=SNAPSHOT_FIELDS))
            for model in catalogue.models
        ],
        update_conflicts=True,
        unique_fields=["model"],
        update_fields=sorted(SNAPSHOT_FIELDS),
    )
    units = TokenUnit.objects.bulk_create(
        [
            TokenUnit(snapshot=snapshot, kind=unit.kind, tpm=unit.tpm)
            for snapshot, model in zip(snapshots, catalogue.models, strict=True)
            for unit in model.units
        ],
        update_conflicts=True,
        unique_fields=["snapshot", "kind"],
        update_fields=["tpm"],
    )
    return {(unit.snapshot.model, unit.kind): unit for unit in units}


def _add_prices(units: dict[tuple[str, str], TokenUnit], catalogue: CatalogueFile) -> int:
    """Return how many prices are new. Raises BrokenCatalogue if one contradicts what is there."""
    amounts = {
        (price.token_unit_id, price.from_on): price.amount
        for price in ListPrice.objects.filter(token_unit__in=units.values())
    }
    new_prices: list[ListPrice] = []
    for path, unit_key, price in catalogue.prices():
        unit = units[unit_key]
        amount = amounts.get((unit.pk, price.from_on))
        if amount is None:
            new_prices.append(ListPrice(token_unit=unit, **price.model_dump()))
        elif amount != price.amount:
            raise BrokenCatalogue(
                f"{path}.amount",
                f"{unit} has cost {amount} from {price.from_on} on; "
                "prices are never edited, add one with a later date",
            )
    return len(ListPrice.objects.bulk_create(new_prices))


def _add_pay_as_you_go(units: dict[tuple[str, str], TokenUnit], catalogue: CatalogueFile) -> int:
    """Return how many prices of the account plan are new. Raises BrokenCatalogue likewise."""
    snapshots = {unit.snapshot.model: unit.snapshot for unit in units.values()}
    known = {
        (price.snapshot_id, price.from_on): price
        for price in PayAsYouGoPrice.objects.filter(snapshot__in=snapshots.values())
    }
    new_prices: list[PayAsYouGoPrice] = []
    for path, model, price in catalogue.pay_as_you_go_prices():
        snapshot = snapshots[model]
        former = known.get((snapshot.pk, price.from_on))
        if former is None:
            new_prices.append(PayAsYouGoPrice(snapshot=snapshot, **price.model_dump()))
            continue
        for name in ("input", "cached_input", "output"):
            rate = getattr(former, name)
            if rate != getattr(price, name):
                raise BrokenCatalogue(
                    f"{path}.{name}",
                    f"{model} has cost {'nothing of its own' if rate is None else plain(rate)} "
                    f"from {price.from_on} on; prices are never edited, add one with a later date",
                )
    return len(PayAsYouGoPrice.objects.bulk_create(new_prices))
