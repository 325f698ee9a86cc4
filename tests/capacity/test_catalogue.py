"""Catalogues and supply: dated prices, never edited; a broken file refused whole (R6, R12)."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from capacity.models import Kind, ListPrice, Lot, Snapshot, TokenUnit
from capacity.operations.catalogue import SHIPPED_CATALOGUE, Imported, import_catalogue
from capacity.operations.catalogue_file import BrokenCatalogue, read_catalogue
from capacity.queries.catalogue import find_listing
from tests.cast import GPT, GROK, OPERATOR, at, day, load_catalogue, make_acme

pytestmark = pytest.mark.django_db

SHIPPED: dict[str, Any] = json.loads(SHIPPED_CATALOGUE.read_text())


def load(catalogue: Any) -> Imported:
    return import_catalogue(json.dumps(catalogue), by=OPERATOR, now=at("2026-01-01"))


def test_the_shipped_catalogue_has_every_model_with_its_source() -> None:
    assert load(SHIPPED) == Imported(models=18, new_models=18, new_prices=33)
    assert not Snapshot.objects.filter(source="").exists()
    unit = TokenUnit.objects.get(snapshot__model="gpt-4o-2024-08-06", kind="output")
    assert (unit.tpm, unit.prices.get().amount) == (2500, 3934)


def test_loading_the_same_file_again_changes_nothing() -> None:
    load(SHIPPED)
    assert load(SHIPPED) == Imported(models=18)
    assert ListPrice.objects.count() == 33


def test_a_dated_price_is_added_and_rules_from_its_day() -> None:
    load(SHIPPED)
    acme = make_acme()
    later = copy.deepcopy(SHIPPED)
    grok = next(model for model in later["models"] if model["id"] == GROK)
    grok["units"][0]["prices"].append({"from": "2026-03-01", "amount": 900, "currency": "usd"})
    assert load(later).new_prices == 1
    for on, amount in (("2026-02-28", 1000), ("2026-03-01", 900)):
        offer = find_listing(organization=acme.organization, model=GROK, on=day(on)).offers[0]
        assert offer.price
        assert offer.price.amount == amount


def test_a_new_tpm_is_for_purchases_to_come() -> None:
    load(SHIPPED)
    acme = make_acme()
    acme.buys("2026-01-10", input=1)
    changed = copy.deepcopy(SHIPPED)
    next(m for m in changed["models"] if m["id"] == GROK)["units"][0]["tpm"] = 40_000
    load(changed)
    acme.buys("2026-01-10", input=1)
    assert list(Lot.objects.order_by("id").values_list("tpm_per_unit", flat=True)) == [
        31_500,
        40_000,
    ]


def edit(where: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of the first model of a catalogue, or of what is below it."""

    def apply(catalogue: dict[str, Any]) -> None:
        target: Any = catalogue["models"][0]
        *way, last = where.split(".")
        for step in way:
            target = target[int(step) if step.isdecimal() else step]
        target[last] = value

    return apply


BROKEN: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    (r"\$\.format", lambda c: c.update(format="other")),
    (r"\$: .*'models' is a required", lambda c: c.pop("models")),
    (r"\$\.models\[0\].*'units' is a required", lambda c: c["models"][0].pop("units")),
    (r"\$\.models\[0\]\.cached_weight", edit("cached_weight", 0.1)),
    (r"\$\.models\[0\]\.units\[0\]\.tpm", edit("units.0.tpm", 0)),
    (r"\$\.models\[0\]\.units\[0\]\.kind", edit("units.0.kind", "inptu")),
    (r"\$\.models\[0\]\.units\[0\]\.prices\[0\]\.amount", edit("units.0.prices.0.amount", -5)),
    (r"\$\.models\[0\]\.units\[0\]\.prices\[0\]\.amount", edit("units.0.prices.0.amount", 99.5)),
    (r"\$\.models\[0\]\.units\[0\]\.prices\[0\]\.amount", edit("units.0.prices.0.amount", 100.0)),
    (
        r"\$\.models\[0\]\.units\[0\]\.prices\[0\]\.from",
        edit("units.0.prices.0.from", "2026-02-30"),
    ),
    (r"prices\[0\]\.currency: prices here are in usd", edit("units.0.prices.0.currency", "eur")),
    (r"\$\.models\[0\]\.output_weight: combined units", edit("output_weight", None)),
    (r"\$\.models\[0\].*'retire_on' was unexpected", edit("retire_on", "2027-01-01")),
    (r"\$\.models\[18\]\.id: .* stands twice", lambda c: c["models"].append(c["models"][0])),
]


@pytest.mark.parametrize(("where", "breaks"), BROKEN)
def test_a_broken_file_is_refused_whole_and_names_the_fault(
    where: str, breaks: Callable[[dict[str, Any]], Any]
) -> None:
    catalogue = copy.deepcopy(SHIPPED)
    breaks(catalogue)
    with pytest.raises(BrokenCatalogue, match=where):
        load(catalogue)
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (r"\$\.models\[0\]\.name: ", json.dumps(SHIPPED).replace("GPT-5.5", "GPT\\u0000")),
        (r"\$\.models\[0\]\.name: ", json.dumps(SHIPPED).replace("GPT-5.5", "GPT\\ud800")),
        (r"\$\.models\[0\]\.id: ", json.dumps(SHIPPED).replace('"gpt-5.5"', '"gpt-5.5\\n"')),
        ("the file: ", "[" * 100_000),
        ("the file: ", '{"format": ' + "9" * 5_000 + "}"),
    ],
    ids=["NUL", "half a pair", "line break in an id", "too deep", "too long a number"],
)
def test_what_no_database_or_route_can_hold_is_refused(where: str, text: str) -> None:
    with pytest.raises(BrokenCatalogue, match=where):
        import_catalogue(text, by=OPERATOR, now=at("2026-01-01"))
    assert not Snapshot.objects.exists()


SMALL: dict[str, Any] = {
    "format": "scaletier-catalog-1",
    "models": [
        {
            "id": "a-1",
            "provider": "a",
            "name": "A 1",
            "cached_weight": "0.1",
            "output_weight": "6",
            "retires_on": "2027-01-31",
            "units": [
                {
                    "kind": "input",
                    "tpm": 100,
                    "prices": [
                        {"from": "2026-01-01", "amount": 7, "currency": "usd"},
                        {"from": "2026-02-01", "amount": 8, "currency": "usd"},
                    ],
                },
                {
                    "kind": "combined",
                    "tpm": 10**12,
                    "prices": [{"from": "2026-01-01", "amount": 10**12, "currency": "usd"}],
                },
            ],
            "source": "a page",
            "note": "",
        }
    ],
}
"""A value of every sort."""

Steps = tuple[str | int, ...]


def every_value(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """A value and all values in it, each after the keys and positions that lead to it."""
    yield steps, value
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from every_value(inner, (*steps, step))


def path_of(steps: Steps) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def replace(value: Any, steps: Steps, new: Any) -> Any:
    """A copy of the value in which `new` stands where the steps lead."""
    if not steps:
        return new
    copied = copy.copy(value)
    copied[steps[0]] = replace(value[steps[0]], steps[1:], new)
    return copied


def refusal(catalogue: Any) -> str:
    """Where the one fault of a catalogue is said to be."""
    with pytest.raises(BrokenCatalogue) as refused:
        read_catalogue(json.dumps(catalogue))
    (where,) = refused.value.errors
    return where


def test_a_file_is_read_into_typed_values() -> None:
    (model,) = read_catalogue(json.dumps(SMALL)).models
    assert (model.cached_weight, model.output_weight) == (Decimal("0.1"), Decimal(6))
    assert model.retires_on == date(2027, 1, 31)
    assert [unit.kind for unit in model.units] == [Kind.INPUT, Kind.COMBINED]
    assert model.units[0].prices[1].from_on == date(2026, 2, 1)
    assert model.units[1].prices[0].amount == 10**12


@pytest.mark.parametrize(
    "steps", [pytest.param(steps, id=path_of(steps)) for steps, _ in every_value(SMALL)]
)
def test_a_value_that_does_not_belong_is_refused_with_its_path(steps: Steps) -> None:
    value = dict(every_value(SMALL))[steps]
    samples: list[Any] = [None, True, 100, 100.0, float("nan"), "100", ["100"], {"a": "100"}]
    misfits = [sample for sample in samples if type(sample) is not type(value)]
    if isinstance(value, str):
        misfits += ["\0", "1\0", "\ud800", "1\udfff", "x" * 301]
    elif isinstance(value, int):
        misfits += [0, -1, 10**12 + 1, 2**63, 10**30]
    elif isinstance(value, list):
        misfits.append([])
    elif isinstance(value, dict):
        misfits += [{}, value | {"other": None}, dict(list(value.items())[1:])]
    if steps[-1:] == ("retires_on",):
        misfits.remove(None)
    for misfit in misfits:
        assert refusal(replace(SMALL, steps, misfit)) == path_of(steps), misfit


@pytest.mark.parametrize(
    ("key", "texts"),
    [
        ("id", ["", " ", "a/b", "-a", "a\n", "ä", "x" * 121]),
        ("provider", ["", "x" * 61]),
        ("name", ["", " ", "\n", "\u2003", "x" * 121]),
        ("cached_weight", ["", " 1", "1\n", "1.", ".5", "-1", "+1", "1e2", "NaN", "1_0", "١"]),
        ("output_weight", ["10000", "0.00001", "Infinity"]),
        ("retires_on", ["", "2026-2-3", "20260203", "2026-W01-1", "2026-01-31\n", "0000-01-01"]),
        ("retires_on", ["2026-02-30", "2026-01-31T00:00:00", "1700000000", "2026-01-3١"]),
    ],
)
def test_a_text_of_another_form_is_refused_with_its_path(key: str, texts: list[str]) -> None:
    for text in texts:
        assert refusal(replace(SMALL, ("models", 0, key), text)) == f"$.models[0].{key}", text


def test_the_longest_texts_and_the_largest_weights_are_read() -> None:
    longest = {"id": "x" * 120, "provider": "ä" * 60, "name": "😀" * 120, "note": "\n" * 300}
    weights = {"cached_weight": "9999.9999", "output_weight": "0"}
    (model,) = read_catalogue(
        json.dumps(replace(SMALL, ("models", 0), SMALL["models"][0] | longest | weights))
    ).models
    assert model.model_dump(include=set(longest)) == longest
    assert (model.cached_weight, model.output_weight) == (Decimal("9999.9999"), Decimal(0))


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (("models", 0, "units", 1, "kind"), "input"),
        (("models", 0, "units", 0, "prices", 1, "from"), "2026-01-01"),
    ],
)
def test_nothing_is_named_twice(steps: Steps, name: str) -> None:
    with pytest.raises(BrokenCatalogue, match=f"“{name}” stands twice") as refused:
        read_catalogue(json.dumps(replace(SMALL, steps, name)))
    assert list(refused.value.errors) == [path_of(steps)]


def test_a_key_stands_once_in_an_object() -> None:
    text = json.dumps(SMALL).replace('"tpm": 100,', '"tpm": 100, "tpm": 200,')
    with pytest.raises(BrokenCatalogue, match="key “tpm”: stands twice in one object"):
        read_catalogue(text)


def test_a_price_is_never_edited_and_nothing_else_is_loaded_either() -> None:
    load(SHIPPED)
    edited = copy.deepcopy(SHIPPED)
    edited["models"][0]["name"] = "Renamed"
    edited["models"][17]["units"][1]["prices"][0]["amount"] = 999
    with pytest.raises(BrokenCatalogue, match=r"models\[17\]\.units\[1\]\.prices\[0\]\.amount: .*"):
        load(edited)
    assert not Snapshot.objects.filter(name="Renamed").exists()


def test_the_command_names_the_line_of_broken_json(tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    file.write_text('{\n "format": "scaletier-catalog-1",\n "models": [,]\n}')
    with pytest.raises(CommandError, match=r"catalog\.json: line 3, column 13"):
        call_command("catalog", "import", str(file))


def test_the_command_says_when_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("catalog", "import", str(tmp_path / "none.json"))


def test_supply_is_capped_and_lifted_by_command_and_recorded() -> None:
    load_catalogue()
    organization = make_acme().organization
    for cap, left in (("7", 7), ("none", None)):
        call_command("supply", GPT, "input", cap)
        offer = find_listing(organization=organization, model=GPT, on=day("2026-01-10")).offers[0]
        assert offer.available == left
    caps = AuditEntry.objects.filter(action="supply.set").order_by("id")
    assert [entry.after for entry in caps] == [{"cap": 7}, {"cap": None}]


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-model", "input", "1"),
        (GPT, "combined", "1"),
        (GPT, "input", "-1"),
        (GPT, "input", "9" * 20),
    ],
)
def test_supply_refuses_what_is_not_sold(arguments: tuple[str, str, str]) -> None:
    load_catalogue()
    with pytest.raises(CommandError):
        call_command("supply", *arguments)
