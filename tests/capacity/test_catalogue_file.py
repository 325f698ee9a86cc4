"""A catalogue file is read into typed values, or refused with the path at fault (R6)."""

import copy
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from capacity.models import Kind
from capacity.operations.catalogue_file import BrokenCatalogue, read_catalogue

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
            "pay_as_you_go": [
                {
                    "from": "2026-01-01",
                    "input": "0.2",
                    "cached_input": "0.05",
                    "output": "0.5",
                    "currency": "usd",
                    "source": "another page",
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
    """A copy of the value, with `new` where the steps lead."""
    if not steps:
        return new
    copied = copy.copy(value)
    copied[steps[0]] = replace(value[steps[0]], steps[1:], new)
    return copied


def path_at_fault(catalogue: Any) -> str:
    """The path that the refusal of a catalogue names."""
    with pytest.raises(BrokenCatalogue) as refusal:
        read_catalogue(json.dumps(catalogue))
    (path,) = refusal.value.errors
    return path


def test_a_file_is_read_into_typed_values() -> None:
    (model,) = read_catalogue(json.dumps(SMALL)).models
    assert (model.cached_weight, model.output_weight) == (Decimal("0.1"), Decimal(6))
    assert model.retires_on == date(2027, 1, 31)
    assert [unit.kind for unit in model.units] == [Kind.INPUT, Kind.COMBINED]
    assert model.units[0].prices[1].from_on == date(2026, 2, 1)
    assert model.units[1].prices[0].amount == 10**12
    (rates,) = model.pay_as_you_go
    assert (rates.input, rates.cached_input, rates.output) == (
        Decimal("0.2"),
        Decimal("0.05"),
        Decimal("0.5"),
    )


def test_prices_of_the_account_plan_and_of_cached_tokens_may_be_left_out() -> None:
    without_rates = copy.deepcopy(SMALL)
    del without_rates["models"][0]["pay_as_you_go"]
    assert read_catalogue(json.dumps(without_rates)).models[0].pay_as_you_go == []
    without_cached = copy.deepcopy(SMALL)
    del without_cached["models"][0]["pay_as_you_go"][0]["cached_input"]
    (rates,) = read_catalogue(json.dumps(without_cached)).models[0].pay_as_you_go
    assert rates.cached_input is None


@pytest.mark.parametrize(
    "steps", [pytest.param(steps, id=path_of(steps)) for steps, _ in every_value(SMALL)]
)
def test_a_refusal_names_the_path_of_a_misplaced_value(steps: Steps) -> None:
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
    if steps[-1:] in {("retires_on",), ("cached_input",)}:
        misfits.remove(None)
    for misfit in misfits:
        assert path_at_fault(replace(SMALL, steps, misfit)) == path_of(steps), misfit


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
def test_a_refusal_names_the_path_of_a_malformed_text(key: str, texts: list[str]) -> None:
    for text in texts:
        assert path_at_fault(replace(SMALL, ("models", 0, key), text)) == f"$.models[0].{key}", text


def test_reads_the_longest_texts_and_the_largest_weights() -> None:
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
def test_refuses_two_units_or_prices_of_the_same_name(steps: Steps, name: str) -> None:
    with pytest.raises(BrokenCatalogue, match=f"“{name}” stands twice") as refusal:
        read_catalogue(json.dumps(replace(SMALL, steps, name)))
    assert list(refusal.value.errors) == [path_of(steps)]


def test_refuses_an_object_that_has_a_key_twice() -> None:
    text = json.dumps(SMALL).replace('"tpm": 100,', '"tpm": 100, "tpm": 200,')
    with pytest.raises(BrokenCatalogue, match="key “tpm”: stands twice in one object"):
        read_catalogue(text)
