"""Loading catalogues and setting supply: dated prices, never edited; all or nothing (R6, R12)."""

import copy
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, transaction

from accounts.models import AuditEntry
from capacity.models import ListPrice, Lot, PayAsYouGoPrice, Snapshot, TokenUnit
from capacity.operations.catalogue import SHIPPED_CATALOGUE, Imported, import_catalogue
from capacity.operations.catalogue_file import BrokenCatalogue
from capacity.queries.catalogue import find_listing, pay_as_you_go_price
from tests.cast import GPT, GROK, OPERATOR, Acme, at, day

pytestmark = pytest.mark.django_db

SHIPPED: dict[str, Any] = json.loads(SHIPPED_CATALOGUE.read_text())


@pytest.mark.parametrize(
    ("provider", "name"), [("openai", "OpenAI"), ("xai", "xAI"), ("acme", "Acme"), ("IBM", "IBM")]
)
def test_people_read_the_name_of_a_provider_as_it_writes_itself(provider: str, name: str) -> None:
    assert Snapshot(provider=provider).provider_name == name


def load(catalogue: Any) -> Imported:
    return import_catalogue(json.dumps(catalogue), by=OPERATOR, now=at("2026-01-01"))


def test_the_shipped_catalogue_has_every_model_with_its_source() -> None:
    assert load(SHIPPED) == Imported(models=18, new_models=18, new_prices=50)
    assert not Snapshot.objects.filter(source="").exists()
    unit = TokenUnit.objects.get(snapshot__model="gpt-4o-2024-08-06", kind="output")
    assert (unit.tpm, unit.prices.get().amount) == (2500, 3934)
    rates = PayAsYouGoPrice.objects.get(snapshot__model=GROK)
    assert (rates.input, rates.cached_input, rates.output) == (
        Decimal("0.2"),
        Decimal("0.05"),
        Decimal("0.5"),
    )
    assert not PayAsYouGoPrice.objects.filter(source="").exists()


def test_loading_the_same_file_again_changes_nothing() -> None:
    load(SHIPPED)
    assert load(SHIPPED) == Imported(models=18)
    assert ListPrice.objects.count() == 33
    entries = AuditEntry.objects.filter(action="catalogue.imported").order_by("pk")
    assert list(entries.values_list("subject", "after")) == [
        ("18 models", {"new_models": 18, "new_prices": 50}),
        ("18 models", {"new_models": 0, "new_prices": 0}),
    ]


def test_a_dated_price_is_added_and_in_force_from_its_day_on(acme: Acme) -> None:
    later = copy.deepcopy(SHIPPED)
    grok = next(model for model in later["models"] if model["id"] == GROK)
    grok["units"][0]["prices"].append({"from": "2026-03-01", "amount": 900, "currency": "usd"})
    assert load(later).new_prices == 1
    for on, amount in (("2026-02-28", 1000), ("2026-03-01", 900)):
        offer = find_listing(organization=acme.organization, model=GROK, on=day(on)).offers[0]
        assert offer.price
        assert offer.price.amount == amount


def test_a_price_of_the_account_plan_is_added_and_never_edited(acme: Acme) -> None:
    later = copy.deepcopy(SHIPPED)
    grok = next(model for model in later["models"] if model["id"] == GROK)
    former = grok["pay_as_you_go"][0]
    grok["pay_as_you_go"].append({**former, "from": "2026-03-01", "output": "0.4"})
    del grok["pay_as_you_go"][1]["cached_input"]
    assert load(later).new_prices == 1
    snapshot = Snapshot.objects.get(model=GROK)
    for on, cached, output in (("2026-02-28", "0.05", "0.5"), ("2026-03-01", None, "0.4")):
        price = pay_as_you_go_price(snapshot, day(on))
        assert price
        assert price.cached_input == (cached and Decimal(cached))
        assert price.output == Decimal(output)
    assert pay_as_you_go_price(snapshot, day("2023-12-31")) is None
    for name, was in (("output", "0.4"), ("cached_input", "nothing of its own")):
        edited = copy.deepcopy(later)
        grok = next(model for model in edited["models"] if model["id"] == GROK)
        grok["pay_as_you_go"][1][name] = "0.3"
        with pytest.raises(BrokenCatalogue, match=rf"\[1\]\.{name}: {GROK} has cost {was} from"):
            load(edited)
    with pytest.raises(ProgrammingError), transaction.atomic():
        PayAsYouGoPrice.objects.update(output=0)


def test_a_new_tpm_holds_for_later_purchases_only(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    changed = copy.deepcopy(SHIPPED)
    next(model for model in changed["models"] if model["id"] == GROK)["units"][0]["tpm"] = 40_000
    load(changed)
    acme.buys("2026-01-10", input=1)
    assert list(Lot.objects.order_by("id").values_list("tpm_per_unit", flat=True)) == [
        31_500,
        40_000,
    ]


def edit(where: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """An edit that sets a value of the first model of a catalogue, or of what is below it."""

    def apply(catalogue: dict[str, Any]) -> None:
        target: Any = catalogue["models"][0]
        *steps, last = where.split(".")
        for step in steps:
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


@pytest.mark.parametrize(("where", "break_it"), BROKEN)
def test_a_broken_file_is_refused_whole_and_the_path_at_fault_is_named(
    where: str, break_it: Callable[[dict[str, Any]], Any]
) -> None:
    catalogue = copy.deepcopy(SHIPPED)
    break_it(catalogue)
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
def test_refuses_texts_and_numbers_that_cannot_be_stored(where: str, text: str) -> None:
    with pytest.raises(BrokenCatalogue, match=where):
        import_catalogue(text, by=OPERATOR, now=at("2026-01-01"))
    assert not Snapshot.objects.exists()


def test_refuses_to_edit_a_price_and_then_loads_nothing_else_either() -> None:
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


def test_the_command_says_that_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("catalog", "import", str(tmp_path / "none.json"))


def test_the_command_caps_a_supply_and_lifts_the_cap(acme: Acme) -> None:
    for cap, available in (("7", 7), ("none", None)):
        call_command("supply", GPT, "input", cap)
        offer = find_listing(
            organization=acme.organization, model=GPT, on=day("2026-01-10")
        ).offers[0]
        assert offer.available == available
    entries = AuditEntry.objects.filter(action="supply.set").order_by("id")
    assert [entry.after for entry in entries] == [{"cap": 7}, {"cap": None}]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-model", "input", "1"),
        (GPT, "combined", "1"),
        (GPT, "input", "-1"),
        (GPT, "input", "9" * 20),
    ],
)
def test_the_command_refuses_an_unknown_unit_or_an_impossible_cap(
    arguments: tuple[str, str, str],
) -> None:
    with pytest.raises(CommandError):
        call_command("supply", *arguments)
