"""Plays histories to the product and to the reference at the same time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import partial
from random import Random
from typing import Literal

from accounts.operations.changes import organization_change
from billing.models import InvoicePayment, ModelDiscount, OrderForm, PaymentStatus
from billing.operations.order_forms import create_order_form, sign_order_form
from billing.operations.payments import set_payment_status
from capacity.models import Cancellation, ListPrice, Lot, Snapshot, TokenUnit
from capacity.operations.cancellations import cancel_units, undo_cancellation
from capacity.operations.clock import advance_clock
from capacity.operations.days import open_due_days
from capacity.operations.purchases import buy_units
from capacity.operations.sweep import open_due_days_everywhere
from common.errors import BusinessError
from tests.cast import OPERATOR, Acme, make_acme
from tests.simulation import nouns, reference
from tests.simulation.histories import (
    Act,
    Buy,
    Cancel,
    EndForm,
    History,
    NewPrice,
    Retire,
    Settle,
    Sign,
    Times,
    Undo,
)

Job = Callable[[], None]
Way = Literal["sweep", "one by one", "test clock"]


def one_after_another(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def catalogue_now() -> nouns.Catalogue:
    """The reference's own copy of the prices there are."""
    prices: dict[tuple[str, str], dict[date, int]] = {}
    for price in ListPrice.objects.select_related("token_unit__snapshot"):
        unit = price.token_unit
        prices.setdefault((unit.snapshot.model, unit.kind), {})[price.from_on] = price.amount
    return nouns.Catalogue(prices)


@dataclass
class Company:
    """One organization, in the product and in the reference's books."""

    acme: Acme
    history: History
    books: reference.Books
    way: Way = "sweep"
    lots: list[str] = field(default_factory=list)
    cancellations: list[str] = field(default_factory=list)
    forms: list[int] = field(default_factory=list)

    @classmethod
    def found(
        cls, history: History, catalogue: nouns.Catalogue, *, way: Way = "sweep"
    ) -> "Company":
        acme = make_acme(
            history.founded_on.isoformat(),
            anchor_day=history.anchor_day,
            discount=str(history.discount),
            is_sandbox=way == "test clock",
        )
        form = nouns.Form(history.founded_on, None, Fraction(history.discount))
        books = reference.Books(catalogue, history.anchor_day, history.founded_on, [form])
        made = OrderForm.objects.get(organization=acme.organization)
        return cls(acme, history, books, way, forms=[made.pk])

    def open_to(self, day: date) -> None:
        """Open what is due in this organization alone: by its test clock, or as a change does."""
        organization = self.acme.organization
        if self.way == "test clock":
            advance_clock(organization=organization, to=noon(day), by=self.acme.alice)
        else:
            open_due_days(organization=organization, now=noon(day))

    def act(self, day: date) -> None:
        """Everything the organization does on a day, in both worlds."""
        for act in self.history.acts.get(day, ()):
            if self.way == "test clock":
                self.open_to(day)
            self._act(act, day)

    def _act(self, act: Act, day: date) -> None:
        match act:
            case Buy():
                self._compare(act, self.books.buy(day, act.model, act.units), self._buy(act, day))
            case Cancel() if self.lots:
                place = act.lot % len(self.lots)
                expected = self.books.cancel(day, place, act.units)
                self._compare(act, expected, self._cancel(place, act.units, day))
            case Undo() if self.cancellations:
                which = act.cancellation % len(self.cancellations)
                self._compare(act, self.books.undo(day, which), self._undo(which, day))
            case Settle():
                self._settle(act.status, day)
            case Sign():
                self._sign(act, day)
            case EndForm():
                self._end_form(act, day)

    def _compare(self, act: Act, against: set[str], error: str | None) -> None:
        agreed = error in against if against else error is None
        assert agreed, f"{act}: refused as {error}, not one of {against}"

    def _buy(self, act: Buy, day: date) -> str | None:
        try:
            purchase = buy_units(
                organization=self.acme.organization,
                model=act.model,
                units=act.units,
                by=self.acme.alice,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        self.lots += purchase.lots.order_by("pk").values_list("public_id", flat=True)
        return None

    def _cancel(self, place: int, units: int, day: date) -> str | None:
        try:
            cancellation = cancel_units(
                organization=self.acme.organization,
                lot_id=self.lots[place],
                units=units,
                by=self.acme.bob,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        self.cancellations.append(cancellation.public_id)
        return None

    def _undo(self, which: int, day: date) -> str | None:
        try:
            undo_cancellation(
                organization=self.acme.organization,
                cancellation_id=self.cancellations[which],
                by=self.acme.bob,
                now=noon(day),
            )
        except BusinessError as error:
            return error.code
        return None

    def _settle(self, status: str, day: date) -> None:
        """The provider's word on the oldest invoice that it can still be about."""
        self.books.open_to(day)
        self.open_to(day)
        with organization_change(
            organization=self.acme.organization, by=OPERATOR, now=noon(day)
        ) as change:
            owed = InvoicePayment.objects.filter(
                organization=self.acme.organization,
                status__in=["open"] if status == "uncollectible" else ["open", "uncollectible"],
            )
            oldest = owed.select_for_update().order_by("pk").first()
            if oldest:
                set_payment_status(change, oldest, PaymentStatus(status), at=noon(day))
                self.books.settle(day, oldest.invoice.number, status)

    def _sign(self, act: Sign, day: date) -> None:
        self.open_to(day)
        form = create_order_form(
            organization=self.acme.organization,
            starts_on=act.starts_on,
            ends_on=act.ends_on,
            by=OPERATOR,
            now=noon(day),
            discount_percent=act.discount,
        )
        form.days_until_due = act.due_in
        form.save(update_fields=["days_until_due"])
        for model, percent in act.by_model.items():
            ModelDiscount.objects.create(order_form=form, model=model, discount_percent=percent)
        sign_order_form(form=form, signed_name="Alice", by=self.acme.alice, now=noon(day))
        self.forms.append(form.pk)
        by_model = {model: Fraction(percent) for model, percent in act.by_model.items()}
        told = nouns.Form(act.starts_on, act.ends_on, Fraction(act.discount), by_model, act.due_in)
        self.books.sign(day, told)

    def _end_form(self, act: EndForm, day: date) -> None:
        """An operator ends a form sooner or later than it said, unless it has ended already."""
        which = act.form % len(self.forms)
        form = self.books.forms[which]
        if form.starts_on < act.ends_on and (form.ends_on is None or form.ends_on > day):
            self.open_to(day)
            OrderForm.objects.filter(pk=self.forms[which]).update(ends_on=act.ends_on)
            self.books.end_form(day, which, act.ends_on)


@dataclass
class World:
    """Several companies under one catalogue, and whoever knocks."""

    times: Times
    companies: list[Company]
    catalogue: nouns.Catalogue
    random: Random
    run: Callable[[Sequence[Job]], None] = one_after_another

    def live(self) -> None:
        for day in self.times.days:
            self._change_catalogue(day)
            jobs: list[Job] = [
                partial(company.act, day)
                for company in self.companies
                if company.history.acts.get(day)
            ]
            jobs += [partial(self.knock, day)] * self.times.knocks[day]
            self.random.shuffle(jobs)
            self.run(jobs)
            if self.times.knocks[day]:
                self._compare_what_is_shown(day)
        self.knock(self.today)
        for company in self.companies:
            company.books.open_to(self.today)

    @property
    def today(self) -> date:
        """The last day that anybody lives, opened for all."""
        return self.times.days[-1] + timedelta(days=1)

    def knock(self, day: date) -> None:
        for company in self.companies:
            if company.way != "sweep" and company.history.founded_on <= day:
                company.open_to(day)
        open_due_days_everywhere(now=noon(day))

    def _change_catalogue(self, day: date) -> None:
        for change in self.times.catalogue.get(day, ()):
            match change:
                case NewPrice(model, kind, from_on, amount):
                    unit = TokenUnit.objects.get(snapshot__model=model, kind=kind)
                    ListPrice.objects.create(token_unit=unit, from_on=from_on, amount=amount)
                    self.catalogue.prices[model, kind][from_on] = amount
                case Retire(model, on):
                    Snapshot.objects.filter(model=model).update(retires_on=on)
                    self.catalogue.retires_on[model] = on

    def _compare_what_is_shown(self, day: date) -> None:
        """What customers see on the day itself: active units, and what became of cancellations."""
        held = dict(Lot.objects.values_list("public_id", "active_units"))
        status = dict(Cancellation.objects.values_list("public_id", "status"))
        for company in self.companies:
            if company.history.founded_on <= day:
                company.books.open_to(day)
                expected = [len(lot.active()) for lot in company.books.lots]
                assert [held[lot] for lot in company.lots] == expected, day
                expected_status = [one.status for one in company.books.cancellations]
                assert [status[one] for one in company.cancellations] == expected_status, day
