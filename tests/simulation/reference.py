"""A second, naive implementation of R2 to R8, R10 and R11: one unit and one day at a time.

Nothing here comes from the product, neither code nor arithmetic, so that the two can only agree if
both are right. It is slow and deletes nothing. Histories run in both, and the results are compared.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.simulation.records import (
    ONE_DAY,
    Cancellation,
    Catalogue,
    Charge,
    Expiry,
    Invoice,
    Limit,
    Lot,
    OrderForm,
    Unit,
    invoice_line,
)
from tests.simulation.spend import posted, spend


@dataclass
class ReferenceOrganization:
    """Everything about one organization."""

    catalogue: Catalogue
    anchor_day: int
    today: date
    """The last service day that is open."""
    order_forms: list[OrderForm]
    limits: list[Limit] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    active_units: dict[tuple[int, date], int] = field(default_factory=dict)
    """Units of a lot that were active at the end of a service day."""

    # --- What people do; buy, cancel and undo return the error codes of all reasons to refuse -----

    def buy(self, day: date, model: str, units: dict[str, int], *, in_project: bool) -> set[str]:
        self.open_to(day)
        commitment_end = day + 30 * ONE_DAY
        error_codes = self._passed_limits(day, model, units, in_project)
        if self.order_form(day) is None:
            error_codes.add("order_form_required")
        if self.overdue(day):
            error_codes.add("payment_overdue")
        if self.catalogue.retired(model, commitment_end - ONE_DAY):
            error_codes.add("model_retiring")
        if not error_codes:
            for kind in ("input", "output", "combined"):
                if units.get(kind):
                    self._add_lot(day, model, kind, units[kind], commitment_end, in_project)
        return error_codes

    def _passed_limits(
        self, day: date, model: str, units: dict[str, int], in_project: bool
    ) -> set[str]:
        days = (self.next_period(day) - day).days
        cost = sum(
            count * days * self.catalogue.price(model, kind, day) for kind, count in units.items()
        )
        passed = any(
            limit.is_hard and spend(self, limit) + cost > limit.amount
            for limit in self.limits_of(in_project)
        )
        return {"spend_limit_exceeded"} if passed else set()

    def cancel(self, day: date, position: int, count: int) -> set[str]:
        self.open_to(day)
        lot = self.lots[position]
        renewing = [unit for unit in lot.active() if unit.ends_on is None]
        if count > len(renewing):
            return {"units_exceed_active"}
        cancelled = renewing[:count]
        for unit in cancelled:
            unit.ends_on = max(lot.commitment_end, lot.charged_until, day + ONE_DAY)
        self.cancellations.append(Cancellation(cancelled))
        return set()

    def undo(self, day: date, position: int) -> set[str]:
        self.open_to(day)
        cancellation = self.cancellations[position]
        if cancellation.status == "undone":
            return set()
        if cancellation.status == "effective":
            return {"already_effective"}
        cancellation.undone = True
        for unit in cancellation.units:
            unit.ends_on = None
        return set()

    def settle_invoice(self, day: date, number: int, status: str) -> None:
        self.open_to(day)
        self.invoices[number - 1].status = status

    def sign_order_form(self, day: date, order_form: OrderForm) -> None:
        self.open_to(day)
        self.order_forms.append(order_form)

    def end_order_form(self, day: date, position: int, ends_on: date) -> None:
        self.open_to(day)
        self.order_forms[position].ends_on = ends_on
        self.order_forms[position].is_terminated = True

    def set_limit(self, day: date, limit: Limit, *, lifted: bool) -> None:
        self.open_to(day)
        self.limits = [other for other in self.limits if other.of_project != limit.of_project]
        if not lifted:
            self.limits.append(limit)

    # --- What time does -------------------------------------------------------------------------

    def open_to(self, day: date) -> None:
        while self.today < day:
            self._note_active_units()
            self.today += ONE_DAY
            self._expire_ended_units()
            if self.starts_period(self.today):
                self._issue_invoice()
            self._renew_committed()
            self._renew_past_commitment()

    def _expire_ended_units(self) -> None:
        for lot in self.lots:
            for unit in lot.active():
                if unit.ends_on is not None and unit.ends_on <= self.today:
                    self._expire(unit, "cancelled")
                elif self.catalogue.retired(lot.model, self.today):
                    self._expire(unit, "model_retired")

    def _renew_committed(self) -> None:
        for lot in self.lots:
            if lot.active() and lot.first_term_end <= self.today < lot.commitment_end:
                self._charge(lot, "renewal", self.today + ONE_DAY, lot.price)

    def _renew_past_commitment(self) -> None:
        counted = {limit.of_project: posted(self, limit) for limit in self.limits}
        for lot in self.lots:
            if self.today < max(lot.commitment_end, lot.first_term_end):
                continue
            self._expire_without_form_or_overdue(lot)
            price = self.catalogue.price(lot.model, lot.kind, self.today)
            for unit in lot.active():
                self._count_renewal(lot, unit, price, counted)
            if lot.active():
                self._charge(lot, "renewal", self.today + ONE_DAY, price)

    def _expire_without_form_or_overdue(self, lot: Lot) -> None:
        for unit in lot.active():
            if self.order_form(self.today) is None:
                self._expire(unit, "order_form_ended")
            elif self.overdue(self.today):
                self._expire(unit, "payment_overdue")

    def _count_renewal(
        self, lot: Lot, unit: Unit, price: int, counted: dict[bool | None, int]
    ) -> None:
        """The unit counts against each limit, whether or not it is renewed (R10)."""
        for limit in self.limits_of(lot.in_project):
            counted[limit.of_project] += price
            if limit.is_hard and counted[limit.of_project] > limit.amount:
                self._expire(unit, "spend_limit")

    def _expire(self, unit: Unit, reason: str) -> None:
        unit.expired_on, unit.reason = self.today, reason

    def _issue_invoice(self) -> None:
        start = self.period_start(self.today - ONE_DAY)
        unit_days: dict[tuple[str, str, str, int, Fraction], int] = {}
        for charge in self.charges:
            if start <= charge.posted_on < self.today:
                lot = self.lots[charge.lot]
                key = (lot.model, lot.kind, charge.type, charge.price, charge.discount_percent)
                days = (charge.service_to - charge.service_from).days
                unit_days[key] = unit_days.get(key, 0) + charge.units * days
        if unit_days:
            lines = {invoice_line(*key, days) for key, days in unit_days.items()}
            due_on = self.today + self._days_until_due() * ONE_DAY
            number = len(self.invoices) + 1
            self.invoices.append(Invoice(number, start, self.today, due_on, lines))

    def _days_until_due(self) -> int:
        """Without a form in force, the one that was in force last applies.

        There always was one, because nobody can buy without a form.
        """
        day = self.today
        while (order_form := self.order_form(day)) is None:
            day -= ONE_DAY
        return order_form.days_until_due

    # --- What is true on a day ------------------------------------------------------------------

    def order_form(self, day: date) -> OrderForm | None:
        latest = None
        for order_form in self.order_forms:
            if order_form.in_force(day) and (
                latest is None or order_form.starts_on >= latest.starts_on
            ):
                latest = order_form
        return latest

    def overdue(self, day: date) -> bool:
        return any(
            invoice.total > 0  # An invoice of nothing is never owed.
            and invoice.status in ("open", "uncollectible")
            and day >= invoice.due_on + 14 * ONE_DAY
            for invoice in self.invoices
        )

    def limits_of(self, in_project: bool) -> list[Limit]:
        return [limit for limit in self.limits if limit.of_project in (None, in_project)]

    def starts_period(self, day: date) -> bool:
        return day.day == min(self.anchor_day, monthrange(day.year, day.month)[1])

    def period_start(self, day: date) -> date:
        while not self.starts_period(day):
            day -= ONE_DAY
        return day

    def next_period(self, day: date) -> date:
        day += ONE_DAY
        while not self.starts_period(day):
            day += ONE_DAY
        return day

    def expiries(self) -> set[Expiry]:
        counts: dict[tuple[int, date, str], int] = {}
        for lot in self.lots:
            for unit in lot.units:
                if unit.expired_on:
                    key = (lot.position, unit.expired_on, unit.reason)
                    counts[key] = counts.get(key, 0) + 1
        return {Expiry(lot, count, day, reason) for (lot, day, reason), count in counts.items()}

    # --- Storing records ------------------------------------------------------------------------

    def _add_lot(
        self,
        day: date,
        model: str,
        kind: str,
        count: int,
        commitment_end: date,
        in_project: bool,
    ) -> None:
        first_term_end = self.next_period(day)
        lot = Lot(
            position=len(self.lots),
            model=model,
            kind=kind,
            bought_on=day,
            first_term_end=first_term_end,
            commitment_end=commitment_end,
            price=self.catalogue.price(model, kind, day),
            units=[Unit() for _ in range(count)],
            charged_until=day,
            in_project=in_project,
        )
        self.lots.append(lot)
        self._charge(lot, "first_term", first_term_end, lot.price)

    def _charge(self, lot: Lot, type_: str, until: date, price: int) -> None:
        count, days = len(lot.active()), (until - self.today).days
        order_form = self.order_form(self.today)
        discount_percent = order_form.discount_on(lot.model) if order_form else Fraction(0)
        self.charges.append(
            Charge(
                lot=lot.position,
                type=type_,
                posted_on=self.today,
                service_from=self.today,
                service_to=until,
                units=count,
                price=price,
                discount_percent=discount_percent,
                amount=sum(price for _ in range(count) for _ in range(days)),
                in_project=lot.in_project,
            )
        )
        lot.charged_until = until

    def _note_active_units(self) -> None:
        for lot in self.lots:
            self.active_units[lot.position, self.today] = len(lot.active())
