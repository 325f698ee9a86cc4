"""Showback: the cost of an invoice by project, by the tokens that its capacity covered."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from accounts.models import Organization, Project
from accounts.queries.projects import projects
from billing.domain.invoice_numbers import display_number
from billing.domain.invoices import InvoiceTotals, LineItem, invoice_totals
from billing.domain.money import Money
from billing.domain.periods import Period, period_containing
from billing.models import BillingAccount, Invoice
from billing.queries.invoices import UPCOMING, StatementLine, statement_lines
from billing.queries.order_forms import DEFAULT_ANCHOR_DAY
from capacity.models import Kind
from capacity.queries.catalogue import KIND_ORDER
from capacity.usage.domain.showback import Part, Rest, Shares, share
from capacity.usage.queries.charged_capacity import ChargedCapacity, charged_capacity


@dataclass(frozen=True, slots=True)
class BilledPeriod:
    """A period whose invoice is shared. `key` is the last part of the invoice's URL."""

    key: str
    period: Period
    display_number: str | None
    """None for the upcoming invoice."""

    @property
    def is_upcoming(self) -> bool:
        return self.key == UPCOMING


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who bears a part of an invoice: a project, or nobody: `rest` is what no project used."""

    project: Project | None
    rest: Rest | None

    @property
    def name(self) -> str:
        return NAMES[self.rest] if self.rest else str(self.project)


NAMES = {Rest.IDLE: "Idle capacity", Rest.TO_COME: "Days to come"}


@dataclass(frozen=True, slots=True)
class Use:
    """Weighted tokens (R14) of the units of one kind of a snapshot, and what they cost."""

    model: str
    kind: Kind
    tokens: int
    entitled: int
    """What all units of the kind allow on the days that are charged."""
    amount: Money

    @property
    def percent(self) -> Decimal:
        """Return the percentage of the entitlement, rounded down."""
        return _percent(self.tokens, self.entitled)


@dataclass(frozen=True, slots=True)
class BearerShare:
    """What somebody used, and bears of the invoice. `percent` is of its total, rounded down."""

    bearer: Bearer
    uses: Sequence[Use]
    amount: Money
    percent: Decimal


@dataclass(frozen=True, slots=True)
class LinePart:
    """A part of a line. `percent` is that of its unit-days, rounded down."""

    bearer: Bearer
    percent: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class LineShare:
    """A line of the invoice and who bears it."""

    line: StatementLine
    parts: Sequence[LinePart]


@dataclass(frozen=True, slots=True)
class Showback:
    """An invoice by who bears it. Shares add up to the total, the parts of a line to its net."""

    billed: BilledPeriod
    total: Money
    shares: Sequence[BearerShare]
    """The projects, the dearest first; then what lies ahead and what is idle."""
    lines: Sequence[LineShare]

    @property
    def idle(self) -> Money:
        return self._sum(Rest.IDLE)

    @property
    def to_come(self) -> Money:
        return self._sum(Rest.TO_COME)

    @property
    def used(self) -> Money:
        return self._sum(None)

    def _sum(self, rest: Rest | None) -> Money:
        return _money(sum(row.amount.amount for row in self.shares if row.bearer.rest == rest))


ISSUED = ArraySubquery(
    Invoice.objects.filter(organization=OuterRef("pk"))
    .order_by("-pk")
    .values_list(
        JSONObject(id="public_id", number="number", start="period_start", end="period_end")
    )
)


def billed_periods(organization: Organization, *, on: date) -> list[BilledPeriod]:
    """Return the present period, then those with an issued invoice, newest first.

    One statement reads them with the billing account, which is cached on the object `organization`.
    """
    account = BillingAccount.objects.filter(pk=organization.pk).annotate(issued=ISSUED).first()
    if account is None:  # Without an order form there is no invoice either.
        return [BilledPeriod(UPCOMING, period_containing(on, anchor_day=DEFAULT_ANCHOR_DAY), None)]
    organization.billing = account
    return [
        BilledPeriod(UPCOMING, period_containing(on, anchor_day=account.anchor_day), None),
        *(
            BilledPeriod(
                invoice["id"],
                Period(date.fromisoformat(invoice["start"]), date.fromisoformat(invoice["end"])),
                display_number(account.invoice_prefix, invoice["number"]),
            )
            for invoice in account.issued
        ),
    ]


def showback(
    organization: Organization,
    billed: BilledPeriod,
    *,
    now: datetime,
    closed_until: datetime | None,
) -> Showback:
    """Return the invoice of a period by who bears it, as of `now`, the organization's time.

    `closed_until` is what `close_due_windows` returned.
    """
    charged = charged_capacity(organization, billed.period, now=now, closed_until=closed_until)
    items = invoice_totals(
        replace(line, unit_days=sum(by_day.values())) for line, by_day in charged.units.items()
    )
    shared = [_share(item, charged) for item in items.lines]
    bearers = _Bearers(organization)
    lines = statement_lines(items.lines, settings.CURRENCY)
    return Showback(
        billed=billed,
        total=_money(items.total),
        shares=_bearer_shares(items, shared, charged, bearers),
        lines=[
            LineShare(
                line,
                [
                    LinePart(bearers[part], shares.percent(part), _money(amount))
                    for part, amount in shares.amounts.items()
                ],
            )
            for line, shares in zip(lines, shared, strict=True)
        ],
    )


class _Bearers(dict[Part, Bearer]):
    """The bearer of each part."""

    def __init__(self, organization: Organization) -> None:
        super().__init__({rest: Bearer(None, rest) for rest in Rest})
        self.update({row.pk: Bearer(row, None) for row in projects(organization)})


def _share(item: LineItem, charged: ChargedCapacity) -> Shares:
    by_day = charged.units[replace(item, unit_days=0)]
    return share(
        item.amount - item.discount,
        ((units, charged.days[day]) for day, units in by_day.items()),
    )


Units = tuple[str, Kind]
"""Units of one kind of a model."""


def _bearer_shares(
    items: InvoiceTotals, shared: Sequence[Shares], charged: ChargedCapacity, bearers: _Bearers
) -> list[BearerShare]:
    """Return the shares of projects, the dearest first, then of what no project used."""
    amounts: defaultdict[Part, defaultdict[Units, int]] = defaultdict(lambda: defaultdict(int))
    for line, shares in zip(items.lines, shared, strict=True):
        for part, amount in shares.amounts.items():
            amounts[part][line.model, Kind(line.kind)] += amount
    tokens, entitled = _tokens(charged)
    result = []
    for part, by_units in amounts.items():
        amount = sum(by_units.values())
        uses = [
            Use(*units, tokens[part, units], entitled[units], _money(by_units[units]))
            for units in sorted(by_units, key=lambda units: (units[0], KIND_ORDER[units[1]]))
        ]
        share_of_total = _percent(amount, items.total)
        result.append(BearerShare(bearers[part], uses, _money(amount), share_of_total))
    rest = list(Rest)
    return sorted(
        result,
        key=lambda row: (
            rest.index(row.bearer.rest) if row.bearer.rest else -1,
            -row.amount.amount,
            row.bearer.name,
        ),
    )


def _tokens(charged: ChargedCapacity) -> tuple[Counter[tuple[Part, Units]], Counter[Units]]:
    """Return the weighted tokens of the days that are charged, by part and in all."""
    tokens: Counter[tuple[Part, Units]] = Counter()
    entitled: Counter[Units] = Counter()
    days = {(line.model, day) for line, by_day in charged.units.items() for day in by_day}
    for model, day in days:
        units = (model, Kind(day[1][2]))
        entitled[units] += charged.days[day].entitled
        for part, count in charged.days[day].parts().items():
            tokens[part, units] += count
    return tokens, entitled


def _money(amount: int) -> Money:
    return Money(amount, settings.CURRENCY)


def _percent(part: int, whole: int) -> Decimal:
    """Return a percentage with one decimal, rounded down; of nothing it is 0."""
    return Decimal(part * 1000 // whole) / 10 if whole else Decimal(0)
