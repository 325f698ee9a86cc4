"""The catalogue file: JSON read into typed values, or refused with the place at fault (R6)."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from django.conf import settings
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from capacity.models import Kind
from common.errors import BusinessError


class BrokenCatalogue(BusinessError):
    """The file is refused whole; `where` is the line or the path at fault."""

    code = "invalid_request"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}", errors={where: [problem]})


def _text(pattern: str, problem: str, read: Callable[[str], object] = str) -> BeforeValidator:
    """Refuse whatever is no text of this pattern; read the text into what the field holds."""

    def validate(value: object) -> object:
        if not (isinstance(value, str) and re.fullmatch(pattern, value)):
            raise ValueError(problem)
        return read(value)

    return BeforeValidator(validate)


def _unique(attribute: str, key: str) -> AfterValidator:
    """Refuse rows with the same value of this attribute, which the file has under `key`."""

    def validate(rows: list[Any]) -> list[Any]:
        earlier_values = set()
        for position, row in enumerate(rows):
            value = getattr(row, attribute)
            if value in earlier_values:
                problem = f"“{value}” stands twice"
                raise PydanticCustomError("rule", problem, {"at": [position, key]})
            earlier_values.add(value)
        return rows

    return AfterValidator(validate)


Text = Annotated[str, _text(r"[^\0\ud800-\udfff]*", "must be whole Unicode text without NUL")]
Name = Annotated[Text, _text(r"(?s).*\S.*", "must be text that is not blank")]
Weight = Annotated[
    Decimal, _text(r"[0-9]{1,4}(\.[0-9]{1,4})?", "must be text like “0.25”", Decimal)
]
Rate = Annotated[Decimal, _text(r"[0-9]{1,6}(\.[0-9]{1,6})?", "must be text like “0.275”", Decimal)]
Day = Annotated[
    date, _text("[0-9]{4}-[0-9]{2}-[0-9]{2}", "must be text like “2026-01-31”", date.fromisoformat)
]
Currency = Annotated[str, _text(settings.CURRENCY, f"prices here are in {settings.CURRENCY}")]
Quantity = Annotated[int, Field(ge=1, le=10**12)]


class CatalogueValue(BaseModel):
    """Base of the values: nothing is converted, changed later, or ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class CataloguePrice(CatalogueValue):
    """The list price of one unit a service day, from a date on."""

    from_on: Day = Field(alias="from")
    amount: Quantity
    currency: Currency


class CatalogueUnit(CatalogueValue):
    """A token unit that is sold, with its dated prices."""

    kind: Kind = Field(strict=False)
    tpm: Quantity
    prices: Annotated[list[CataloguePrice], Field(min_length=1), _unique("from_on", "from")]


class CataloguePayAsYouGo(CatalogueValue):
    """What the account plan costs, in major units for a million tokens, from a date on.

    Without `cached_input`, cached tokens cost what other input tokens cost.
    """

    from_on: Day = Field(alias="from")
    input: Rate
    cached_input: Rate | None = None
    output: Rate
    currency: Currency
    source: Name = Field(max_length=300)


class CatalogueModel(CatalogueValue):
    """A model snapshot, with the token units sold for it."""

    id: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$")
    provider: Text = Field(min_length=1, max_length=60)
    name: Name = Field(max_length=120)
    cached_weight: Weight
    output_weight: Weight | None
    retires_on: Day | None
    units: Annotated[list[CatalogueUnit], Field(min_length=1), _unique("kind", "kind")]
    pay_as_you_go: Annotated[
        list[CataloguePayAsYouGo], Field([], min_length=1), _unique("from_on", "from")
    ]
    source: Text = Field("", max_length=300)
    note: Text = Field("", max_length=300)

    @model_validator(mode="after")
    def _can_weigh_combined_units(self) -> Self:
        if self.output_weight is None and any(unit.kind == Kind.COMBINED for unit in self.units):
            problem = "combined units need the weight of an output token"
            raise PydanticCustomError("rule", problem, {"at": ["output_weight"]})
        return self


class CatalogueFile(CatalogueValue):
    """A whole catalogue: nothing in it is named twice."""

    format: Literal["scaletier-catalog-1"]
    models: Annotated[list[CatalogueModel], Field(min_length=1), _unique("id", "id")]

    def prices(self) -> Iterator[tuple[str, tuple[str, str], CataloguePrice]]:
        """Yield each price after its path and the model id and kind of its unit."""
        for i, model in enumerate(self.models):
            for j, unit in enumerate(model.units):
                for k, price in enumerate(unit.prices):
                    yield f"$.models[{i}].units[{j}].prices[{k}]", (model.id, unit.kind), price

    def pay_as_you_go_prices(self) -> Iterator[tuple[str, str, CataloguePayAsYouGo]]:
        """Yield each price of the account plan after its path and the id of its model."""
        for i, model in enumerate(self.models):
            for k, price in enumerate(model.pay_as_you_go):
                yield f"$.models[{i}].pay_as_you_go[{k}]", model.id, price


def read_catalogue(text: str) -> CatalogueFile:
    """Return the catalogue that `text` holds, in the format `scaletier-catalog-1`.

    Raises BrokenCatalogue at the first fault, with the line of broken JSON or the path of a value.
    """
    try:
        return CatalogueFile.model_validate(json.loads(text, object_pairs_hook=_object))
    except json.JSONDecodeError as error:
        raise BrokenCatalogue(f"line {error.lineno}, column {error.colno}", error.msg) from error
    except ValidationError as error:
        raise _broken_value(error.errors()[0]) from error
    except (RecursionError, ValueError) as error:
        raise BrokenCatalogue("the file", f"cannot be read: {error}") from error


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in members:
        if name in values:
            raise BrokenCatalogue(f"key “{name}”", "stands twice in one object")
        values[name] = value
    return values


def _broken_value(error: ErrorDetails) -> BrokenCatalogue:
    """Return pydantic's error in words for a person. A rule says itself where `at` it is broken."""
    steps = [*error["loc"], *error.get("ctx", {}).get("at", [])]
    problem = error["msg"].removeprefix("Value error, ")
    match error["type"]:
        case "missing":
            problem = f"{steps.pop()!r} is a required property"
        case "extra_forbidden":
            problem = f"{steps.pop()!r} was unexpected"
        case "model_type":
            problem = "Input should be an object"
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return BrokenCatalogue(f"${path}", problem)
