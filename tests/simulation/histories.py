"""Random histories: what an organization and the platform's operators do, day by day.

A history is data. It names lots, cancellations and order forms by a number, which is taken modulo
how many of them exist. So the same history can be run in the product and in the reference.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from tests.cast import GPT, GROK

KINDS_SOLD = {
    GPT: ("input", "output"),
    GROK: ("input", "output"),
    "o3-2025-04-16": ("input", "output"),
    "gpt-5.4-mini": ("combined",),
}
FORESIGHTS = 15
DISCOUNTS = [Decimal(text) for text in ("0", "5", "12.5", "33.33", "7.77", "100")]


Person = Literal["Alice", "Bob", "Dora"]
"""Alice and, in some organizations, Dora are owners; Bob is an authorized purchaser."""


@dataclass(frozen=True)
class Buy:
    model: str
    units: dict[str, int]
    in_project: bool
    """Whether it is for the second project, not for the default one."""
    by: Person


@dataclass(frozen=True)
class Decide:
    """Somebody decides a purchase request, as they saw its cost a number of days before."""

    request: int
    decision: Literal["approve", "decline", "withdraw"]
    by: Person
    seen_before: timedelta


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


@dataclass(frozen=True)
class SetApprovalThreshold:
    """The cost per day above which purchases need approval. `amount` None lifts it."""

    amount: int | None


@dataclass(frozen=True)
class SetPurchaserLimit:
    """The most that one purchase of Bob may cost per day. `amount` None lifts it."""

    amount: int | None


Action = (
    Buy
    | Decide
    | Cancel
    | UndoCancellation
    | SettleInvoice
    | SignOrderForm
    | EndOrderForm
    | SetLimit
    | SetApprovalThreshold
    | SetPurchaserLimit
)


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
    people: list[Person]
    actions: dict[date, list[Action]] = field(default_factory=dict)


@dataclass
class Calendar:
    """What concerns every organization: catalogue changes, and the number of sweeps on each day.

    On some days what is foreseen is compared with what happens if nobody changes anything.
    """

    days: list[date]
    catalogue_changes: dict[date, list[AddPrice | RetireModel]]
    sweeps: dict[date, int]
    foresights: set[date]


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
    sweeps = _random_sweeps(random, dates)
    swept = [day for day in dates[30:] if sweeps[day]]
    return Calendar(dates, changes, sweeps, set(random.sample(swept, FORESIGHTS)))


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
    people: list[Person] = random.choice([["Alice", "Bob"], ["Alice", "Bob", "Dora"]])
    history = History(anchor_day, created_on, random.choice(DISCOUNTS), people)
    payment_chance = 0.1
    for day in calendar.days:
        if random.random() < 0.015:
            payment_chance = random.choice([0.1, 0.1, 0.1, 0.02, 0.0])
        if day >= created_on:
            # A first term that is bought on the anchor day can be longer than its commitment.
            purchase_chance = 0.4 if day.day == anchor_day else 0.06
            history.actions[day] = _random_actions(
                random, day, people, purchase_chance, payment_chance
            )
    return history


def _random_actions(
    random: Random,
    day: date,
    people: list[Person],
    purchase_chance: float,
    payment_chance: float,
) -> list[Action]:
    candidates: list[tuple[float, Callable[[], Action]]] = [
        (purchase_chance, lambda: _random_purchase(random, people)),
        (0.4, lambda: _random_decision(random, people)),
        (0.08, lambda: Cancel(_random_number(random), random.randint(1, 4))),
        (0.05, lambda: UndoCancellation(_random_number(random))),
        (payment_chance, lambda: _random_settlement(random)),
        (0.025, lambda: _random_order_form(random, day)),
        (0.008, lambda: _random_early_end(random, day)),
        (0.03, lambda: _random_limit(random)),
        (0.03, lambda: SetApprovalThreshold(_random_cost_per_day(random))),
        (0.015, lambda: SetPurchaserLimit(_random_cost_per_day(random))),
    ]
    actions = [draw() for chance, draw in candidates if random.random() < chance]
    random.shuffle(actions)
    return actions


def _random_number(random: Random) -> int:
    """The number of any lot or cancellation, or of one of the latest, to which more can happen."""
    return random.choice([random.randrange(1000), -random.randint(1, 4)])


def _random_purchase(random: Random, people: list[Person]) -> Buy:
    model = random.choice(list(KINDS_SOLD))
    units = {kind: random.randint(0, 5) for kind in KINDS_SOLD[model]}
    units = units if any(units.values()) else {KINDS_SOLD[model][0]: 1}
    return Buy(model, units, in_project=random.random() < 0.4, by=random.choice(people))


def _random_decision(random: Random, people: list[Person]) -> Decide:
    """Of one of the latest requests. Most approve what was seen on the day itself; some are by the
    wrong person."""
    return Decide(
        request=random.choice([-1, -1, -2]),
        decision=random.choice(["approve", "approve", "approve", "decline", "withdraw"]),
        by=random.choice([*people, "Alice"]),
        seen_before=timedelta(days=random.choice([0, 0, 0, 0, 1, 5])),
    )


def _random_settlement(random: Random) -> SettleInvoice:
    return SettleInvoice(random.choice(["paid"] * 8 + ["void", "uncollectible"]))


def _random_early_end(random: Random, day: date) -> EndOrderForm:
    return EndOrderForm(random.randrange(1000), day + timedelta(days=random.randint(1, 15)))


def _random_cost_per_day(random: Random) -> int | None:
    """A cost that some purchases are below and others above; in a third of the cases none."""
    return random.choice([None, *(int(10 ** random.uniform(3.5, 5)) for _ in range(2))])


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
