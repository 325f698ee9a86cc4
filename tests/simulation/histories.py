"""Random histories: what an organization and the platform's operators do, day by day.

A history is data. It names lots, cancellations and invoices by a number that is taken modulo how
many there are, so that it can be played to the product and to the reference alike.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tests.cast import GPT, GROK

SOLD = {
    GPT: ("input", "output"),
    GROK: ("input", "output"),
    "o3-2025-04-16": ("input", "output"),
    "gpt-5.4-mini": ("combined",),
}
DISCOUNTS = [Decimal(text) for text in ("0", "5", "12.5", "33.33", "7.77", "100")]


@dataclass(frozen=True)
class Buy:
    model: str
    units: dict[str, int]


@dataclass(frozen=True)
class Cancel:
    lot: int
    units: int


@dataclass(frozen=True)
class Undo:
    cancellation: int


@dataclass(frozen=True)
class Settle:
    """The oldest invoice that is still owed becomes paid, void or uncollectible."""

    status: str


@dataclass(frozen=True)
class Sign:
    starts_on: date
    ends_on: date | None
    discount: Decimal
    by_model: dict[str, Decimal]
    due_in: int


@dataclass(frozen=True)
class EndForm:
    form: int
    ends_on: date


Act = Buy | Cancel | Undo | Settle | Sign | EndForm


@dataclass(frozen=True)
class NewPrice:
    model: str
    kind: str
    from_on: date
    amount: int


@dataclass(frozen=True)
class Retire:
    model: str
    on: date


@dataclass
class History:
    """One organization's life."""

    anchor_day: int
    founded_on: date
    discount: Decimal
    acts: dict[date, list[Act]] = field(default_factory=dict)


@dataclass
class Times:
    """What happens to everyone: catalogue changes, and how often somebody knocks on each day."""

    days: list[date]
    catalogue: dict[date, list[NewPrice | Retire]]
    knocks: dict[date, int]


def some_times(random: Random, *, start: date, days: int) -> Times:
    """Prices change every two weeks or so, two models retire, one day in six is an outage."""
    dates = [start + timedelta(days=n) for n in range(days)]
    catalogue: dict[date, list[NewPrice | Retire]] = {}
    dated = set()
    for day in dates:
        if random.random() < 0.07:
            change = _price_change(random, day)
            if (change.model, change.kind, change.from_on) not in dated:
                dated.add((change.model, change.kind, change.from_on))
                catalogue.setdefault(day, []).append(change)
    for model, notice in ((GROK, random.randint(1, 5)), (GPT, 60)):
        announced = dates[int(days * random.uniform(0.3, 0.7))]
        retires_on = announced + timedelta(days=notice)
        catalogue.setdefault(announced, []).append(Retire(model, retires_on))
    return Times(dates, catalogue, _knocks(random, dates))


def _price_change(random: Random, day: date) -> NewPrice:
    model = random.choice(list(SOLD))
    from_on = day + timedelta(days=random.randint(1, 20))
    return NewPrice(model, random.choice(SOLD[model]), from_on, random.randint(1, 20_000))


def _knocks(random: Random, dates: list[date]) -> dict[date, int]:
    """No knock at all during an outage of 1 to 9 days, else one, two or three."""
    knocks, outage = {}, 0
    for day in dates:
        if outage == 0 and random.random() < 0.04:
            outage = random.randint(1, 9)
        knocks[day] = 0 if outage else random.choice([1, 1, 1, 2, 3])
        outage = max(0, outage - 1)
    return knocks


def a_history(random: Random, times: Times, *, anchor_day: int) -> History:
    founded_on = times.days[random.randint(0, 20)]
    history = History(anchor_day, founded_on, random.choice(DISCOUNTS))
    pays = 0.1
    for day in times.days:
        if random.random() < 0.015:
            pays = random.choice([0.1, 0.1, 0.1, 0.02, 0.0])
        if day >= founded_on:
            buys = 0.4 if day.day == anchor_day else 0.06  # First terms longer than commitments.
            history.acts[day] = _acts(random, day, buys, pays)
    return history


def _acts(random: Random, day: date, buys: float, pays: float) -> list[Act]:
    acts: list[Act] = []
    if random.random() < buys:
        acts.append(_purchase(random))
    if random.random() < 0.08:
        acts.append(Cancel(_one(random), random.randint(1, 4)))
    if random.random() < 0.05:
        acts.append(Undo(_one(random)))
    if random.random() < pays:
        status = random.choice(["paid"] * 8 + ["void", "uncollectible"])
        acts.append(Settle(status))
    if random.random() < 0.025:
        acts.append(_form(random, day))
    if random.random() < 0.008:
        ends_on = day + timedelta(days=random.randint(1, 15))
        acts.append(EndForm(random.randrange(1000), ends_on))
    random.shuffle(acts)
    return acts


def _one(random: Random) -> int:
    """Any one there is, or one of the last few, to which more can happen."""
    return random.choice([random.randrange(1000), -random.randint(1, 4)])


def _purchase(random: Random) -> Buy:
    model = random.choice(list(SOLD))
    units = {kind: random.randint(0, 5) for kind in SOLD[model]}
    return Buy(model, units if any(units.values()) else {SOLD[model][0]: 1})


def _form(random: Random, day: date) -> Sign:
    starts_on = day + timedelta(days=random.choice([0, 0, 1, 7, 40]))
    lasts = random.choice([None, 15, 40, 120])
    models = random.sample(list(SOLD), random.randint(0, 2))
    return Sign(
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=lasts) if lasts else None,
        discount=random.choice(DISCOUNTS),
        by_model={model: random.choice(DISCOUNTS) for model in models},
        due_in=random.choice([0, 14, 30]),
    )
