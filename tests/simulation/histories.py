"""Random histories: what an organization and the platform's operators do, day by day.

A history is data. It names lots, cancellations and order forms by a number, which is taken modulo
how many of them exist. So the same history can be run in the product and in the reference.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tests.cast import GPT, GROK

KINDS_SOLD = {
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
    in_project: bool
    """Whether it is for the second project, not for the default one."""


@dataclass(frozen=True)
class Cancel:
    lot: int
    units: int


@dataclass(frozen=True)
class UndoCancellation:
    cancellation: int


@dataclass(frozen=True)
class SettleInvoice:
    """The oldest invoice that is still owed becomes paid, void or uncollectible."""

    status: str


@dataclass(frozen=True)
class SignOrderForm:
    starts_on: date
    ends_on: date | None
    discount_percent: Decimal
    model_discounts: dict[str, Decimal]
    days_until_due: int


@dataclass(frozen=True)
class EndOrderForm:
    order_form: int
    ends_on: date


@dataclass(frozen=True)
class SetLimit:
    """A spend limit of the organization, or of its second project. `amount` None lifts it."""

    of_project: bool
    amount: int | None
    is_hard: bool


Action = Buy | Cancel | UndoCancellation | SettleInvoice | SignOrderForm | EndOrderForm | SetLimit


@dataclass(frozen=True)
class AddPrice:
    model: str
    kind: str
    from_on: date
    amount: int


@dataclass(frozen=True)
class RetireModel:
    model: str
    on: date


@dataclass
class History:
    """What one organization does."""

    anchor_day: int
    created_on: date
    discount_percent: Decimal
    actions: dict[date, list[Action]] = field(default_factory=dict)


@dataclass
class Calendar:
    """What concerns every organization: catalogue changes, and the number of sweeps on each day."""

    days: list[date]
    catalogue_changes: dict[date, list[AddPrice | RetireModel]]
    sweeps: dict[date, int]


def random_calendar(random: Random, *, start: date, days: int) -> Calendar:
    """Prices change every two weeks or so, two models retire, one day in six is an outage."""
    dates = [start + timedelta(days=n) for n in range(days)]
    changes: dict[date, list[AddPrice | RetireModel]] = {}
    priced = set()
    for day in dates:
        if random.random() < 0.07:
            new_price = _random_price(random, day)
            key = (new_price.model, new_price.kind, new_price.from_on)
            if key not in priced:
                priced.add(key)
                changes.setdefault(day, []).append(new_price)
    for model, notice_days in ((GROK, random.randint(1, 5)), (GPT, 60)):
        announced_on = dates[int(days * random.uniform(0.3, 0.7))]
        retires_on = announced_on + timedelta(days=notice_days)
        changes.setdefault(announced_on, []).append(RetireModel(model, retires_on))
    return Calendar(dates, changes, _random_sweeps(random, dates))


def _random_price(random: Random, day: date) -> AddPrice:
    model = random.choice(list(KINDS_SOLD))
    from_on = day + timedelta(days=random.randint(1, 20))
    return AddPrice(model, random.choice(KINDS_SOLD[model]), from_on, random.randint(1, 20_000))


def _random_sweeps(random: Random, dates: list[date]) -> dict[date, int]:
    """No sweep runs during an outage of 1 to 9 days; otherwise one, two or three run each day."""
    sweeps, outage_days = {}, 0
    for day in dates:
        if outage_days == 0 and random.random() < 0.04:
            outage_days = random.randint(1, 9)
        sweeps[day] = 0 if outage_days else random.choice([1, 1, 1, 2, 3])
        outage_days = max(0, outage_days - 1)
    return sweeps


def random_history(random: Random, calendar: Calendar, *, anchor_day: int) -> History:
    created_on = calendar.days[random.randint(0, 20)]
    history = History(anchor_day, created_on, random.choice(DISCOUNTS))
    payment_chance = 0.1
    for day in calendar.days:
        if random.random() < 0.015:
            payment_chance = random.choice([0.1, 0.1, 0.1, 0.02, 0.0])
        if day >= created_on:
            # A first term that is bought on the anchor day can be longer than its commitment.
            purchase_chance = 0.4 if day.day == anchor_day else 0.06
            history.actions[day] = _random_actions(random, day, purchase_chance, payment_chance)
    return history


def _random_actions(
    random: Random, day: date, purchase_chance: float, payment_chance: float
) -> list[Action]:
    actions: list[Action] = []
    if random.random() < purchase_chance:
        actions.append(_random_purchase(random))
    if random.random() < 0.08:
        actions.append(Cancel(_random_number(random), random.randint(1, 4)))
    if random.random() < 0.05:
        actions.append(UndoCancellation(_random_number(random)))
    if random.random() < payment_chance:
        status = random.choice(["paid"] * 8 + ["void", "uncollectible"])
        actions.append(SettleInvoice(status))
    if random.random() < 0.025:
        actions.append(_random_order_form(random, day))
    if random.random() < 0.008:
        ends_on = day + timedelta(days=random.randint(1, 15))
        actions.append(EndOrderForm(random.randrange(1000), ends_on))
    if random.random() < 0.03:
        actions.append(_random_limit(random))
    random.shuffle(actions)
    return actions


def _random_number(random: Random) -> int:
    """The number of any lot or cancellation, or of one of the latest, to which more can happen."""
    return random.choice([random.randrange(1000), -random.randint(1, 4)])


def _random_purchase(random: Random) -> Buy:
    model = random.choice(list(KINDS_SOLD))
    units = {kind: random.randint(0, 5) for kind in KINDS_SOLD[model]}
    units = units if any(units.values()) else {KINDS_SOLD[model][0]: 1}
    return Buy(model, units, in_project=random.random() < 0.4)


def _random_limit(random: Random) -> SetLimit:
    """A limit from far below to far above what periods cost; about half of the time there is none.

    A limit that is never met and one that refuses everything would both test little.
    """
    amount = int(10 ** random.uniform(4.5, 7)) if random.random() < 0.6 else None
    return SetLimit(random.random() < 0.4, amount, is_hard=random.random() < 0.8)


def _random_order_form(random: Random, day: date) -> SignOrderForm:
    starts_on = day + timedelta(days=random.choice([0, 0, 1, 7, 40]))
    length = random.choice([None, 15, 40, 120])
    models = random.sample(list(KINDS_SOLD), random.randint(0, 2))
    return SignOrderForm(
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=length) if length else None,
        discount_percent=random.choice(DISCOUNTS),
        model_discounts={model: random.choice(DISCOUNTS) for model in models},
        days_until_due=random.choice([0, 14, 30]),
    )
