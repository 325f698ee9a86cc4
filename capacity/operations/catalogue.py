"""Loading catalogues and setting supply: what operators do to what is sold (R6, R12)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import best_match

from accounts.operations.audit import Actor, record
from capacity.models import Kind, ListPrice, Snapshot, TokenUnit
from common.errors import BusinessError, NotFound

DATA = Path(__file__).resolve().parent.parent / "data"
SHIPPED_CATALOGUE = DATA / "catalog.json"
"""Public list prices, each with its source."""


class BrokenCatalogue(BusinessError):
    """The file is refused whole; `where` is the line or the path at fault."""

    code = "invalid_request"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}", errors={where: [problem]})


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import brought."""

    models: int = 0
    new_models: int = 0
    new_prices: int = 0


def import_catalogue(text: str, *, by: Actor, now: datetime) -> Imported:
    """Load a catalogue: new models and dated prices are added, prices are never edited (R6).

    What is sold may change its TPM, weights or retirement for purchases to come. All or nothing;
    raises BrokenCatalogue.
    """
    models: list[dict[str, Any]] = _parsed(text)["models"]
    with transaction.atomic():
        known = Snapshot.objects.count()
        units = _save_units(_save_snapshots(models), models)
        imported = Imported(
            models=len(models),
            new_models=Snapshot.objects.count() - known,
            new_prices=_add_prices(units, models),
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

    A cap below what is held already takes nothing away; it only stops further purchases.
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
        before, unit.supply_cap = unit.supply_cap, cap
        unit.save(update_fields=["supply_cap"])
        record(
            organization=None,
            by=by,
            action="supply.set",
            subject=f"{model} {kind}",
            at=now,
            before={"cap": before},
            after={"cap": cap},
        )
    return unit


def _parsed(text: str) -> dict[str, Any]:
    try:
        catalogue: dict[str, Any] = json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise BrokenCatalogue(f"line {error.lineno}, column {error.colno}", error.msg) from error
    except (RecursionError, ValueError) as error:
        raise BrokenCatalogue("the file", f"cannot be read: {error}") from error
    for where, value in _texts(catalogue, "$"):
        _check_text(where, value)
    if fault := best_match(_validator().iter_errors(catalogue)):
        raise BrokenCatalogue(fault.json_path, fault.message)
    _check_meaning(catalogue)
    return catalogue


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every text of the file with its path."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{position}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield where, name
            yield from _texts(inner, f"{where}.{name}")


def _check_text(where: str, text: str) -> None:
    """No text may hold what the database cannot: NUL, or half of a surrogate pair."""
    if "\0" in text:
        raise BrokenCatalogue(where, "has a NUL in a text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BrokenCatalogue(where, "has half of a surrogate pair in a text")


@cache
def _validator() -> Any:
    """JSON Schema takes 100.0 for an integer; money and TPM are written as whole numbers."""
    whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, it: type(it) is int)
    schema = json.loads((DATA / "catalog.schema.json").read_text())
    strict = validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, type_checker=whole
    )
    return strict(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BrokenCatalogue(f"key “{twice}”", "stands twice in one object")
    return found


def _check_meaning(catalogue: dict[str, Any]) -> None:
    """What a schema cannot say: nothing is named twice, and combined units can be weighed."""
    models = catalogue["models"]
    _refuse_twice(models, "$.models", "id")
    for where, model in _numbered(models, "$.models"):
        _refuse_twice(model["units"], f"{where}.units", "kind")
        for unit_at, unit in _numbered(model["units"], f"{where}.units"):
            _refuse_twice(unit["prices"], f"{unit_at}.prices", "from")
            if unit["kind"] == Kind.COMBINED and model["output_weight"] is None:
                raise BrokenCatalogue(
                    f"{where}.output_weight", "combined units need the weight of an output token"
                )
            for price_at, price in _numbered(unit["prices"], f"{unit_at}.prices"):
                if price["currency"] != settings.CURRENCY:
                    raise BrokenCatalogue(
                        f"{price_at}.currency", f"prices here are in {settings.CURRENCY}"
                    )


def _refuse_twice(rows: list[dict[str, Any]], where: str, key: str) -> None:
    seen: set[str] = set()
    for at, row in _numbered(rows, where):
        if row[key] in seen:
            raise BrokenCatalogue(f"{at}.{key}", f"“{row[key]}” stands twice")
        seen.add(row[key])


def _numbered(rows: list[dict[str, Any]], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{where}[{position}]", row) for position, row in enumerate(rows))


def _save_snapshots(models: list[dict[str, Any]]) -> list[Snapshot]:
    """The models' snapshots, in their order; those that are there take on what the file says."""
    return Snapshot.objects.bulk_create(
        [
            Snapshot(
                model=model["id"],
                provider=model["provider"],
                name=model["name"],
                cached_weight=Decimal(model["cached_weight"]),
                output_weight=model["output_weight"] and Decimal(model["output_weight"]),
                retires_on=model["retires_on"] and date.fromisoformat(model["retires_on"]),
                source=model.get("source", ""),
                note=model.get("note", ""),
            )
            for model in models
        ],
        update_conflicts=True,
        unique_fields=["model"],
        update_fields=[
            "provider",
            "name",
            "cached_weight",
            "output_weight",
            "retires_on",
            "source",
            "note",
        ],
    )


def _save_units(
    snapshots: list[Snapshot], models: list[dict[str, Any]]
) -> dict[tuple[str, str], TokenUnit]:
    """Token units by model and kind. A new TPM is for purchases to come; lots keep theirs."""
    units = TokenUnit.objects.bulk_create(
        [
            TokenUnit(snapshot=snapshot, kind=unit["kind"], tpm=unit["tpm"])
            for snapshot, model in zip(snapshots, models, strict=True)
            for unit in model["units"]
        ],
        update_conflicts=True,
        unique_fields=["snapshot", "kind"],
        update_fields=["tpm"],
    )
    return {(unit.snapshot.model, unit.kind): unit for unit in units}


def _add_prices(units: dict[tuple[str, str], TokenUnit], models: list[dict[str, Any]]) -> int:
    """How many prices are new. Raises BrokenCatalogue where one contradicts what is there."""
    kept = {
        (price.token_unit_id, price.from_on): price.amount
        for price in ListPrice.objects.filter(token_unit__in=units.values())
    }
    new: list[ListPrice] = []
    for where, unit, price in _every_price(units, models):
        from_on, amount = date.fromisoformat(price["from"]), price["amount"]
        before = kept.get((unit.pk, from_on))
        if before is None:
            new.append(
                ListPrice(
                    token_unit=unit, from_on=from_on, amount=amount, currency=price["currency"]
                )
            )
        elif before != amount:
            raise BrokenCatalogue(
                f"{where}.amount",
                f"{unit} has cost {before} from {from_on} on; "
                "prices are never edited, add one with a later date",
            )
    return len(ListPrice.objects.bulk_create(new))


def _every_price(
    units: dict[tuple[str, str], TokenUnit], models: list[dict[str, Any]]
) -> Iterator[tuple[str, TokenUnit, dict[str, Any]]]:
    for model_at, model in _numbered(models, "$.models"):
        for unit_at, unit in _numbered(model["units"], f"{model_at}.units"):
            for price_at, price in _numbered(unit["prices"], f"{unit_at}.prices"):
                yield price_at, units[model["id"], unit["kind"]], price
