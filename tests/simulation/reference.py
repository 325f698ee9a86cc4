"""A naive second opinion on R2 to R8 and R11: the contract told again, one unit, one day at a time.

Nothing here comes from the product, neither code nor arithmetic, so that the two can only agree by
both being right. It is slow and forgets nothing; histories are played to both and compared.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.simulation.nouns import (
    ONE_DAY,
    Cancellation,
    Catalogue,
    Charge,
    Expiry,
    Form,
    Invoice,
    InvoiceLine,
    Lot,
    Unit,
)


@dataclass
class Books:
    """Everything about one organization."""

    catalogue: Catalogue
    anchor_day: int
    today: date
    """The last service day that is open."""
    forms: list[Form]
    lots: list[Lot] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    active_on: dict[tuple[int, date], int] = field(default_factory=dict)
    """Units of a lot that were active at the end of a service day."""

    # --- What people do; each returns the codes of everything that is against it ------------------

    def buy(self, day: date, model: str, units: dict[str, int]) -> set[str]:
        self.open_to(day)
        commitment_end = day + 30 * ONE_DAY
        against = set()
        if self.form(day) is None:
            against.add("order_form_required")
        if self.overdue(day):
            against.add("payment_overdue")
        if self.catalogue.retired(model, commitment_end - ONE_DAY):
            against.add("model_retiring")
        if not against:
            for kind in ("input", "output", "combined"):
                if units.get(kind):
                    self._add_lot(day, model, kind, units[kind], commitment_end)
        return against

    def cancel(self, day: date, place: int, count: int) -> set[str]:
        self.open_to(day)
        lot = self.lots[place]
        free = [unit for unit in lot.active() if unit.ends_on is None]
        if count > len(free):
            return {"units_exceed_active"}
        taken = free[:count]
        for unit in taken:
            unit.ends_on = max(lot.commitment_end, lot.paid_until, day + ONE_DAY)
        self.cancellations.append(Cancellation(taken))
        return set()

    def undo(self, day: date, which: int) -> set[str]:
        self.open_to(day)
        cancellation = self.cancellations[which]
        if cancellation.status == "undone":
            return set()
        if cancellation.status == "effective":
            return {"already_effective"}
        cancellation.undone = True
        for unit in cancellation.units:
            unit.ends_on = None
        return set()

    def settle(self, day: date, number: int, status: str) -> None:
        self.open_to(day)
        self.invoices[number - 1].status = status

    def sign(self, day: date, form: Form) -> None:
        self.open_to(day)
        self.forms.append(form)

    def end_form(self, day: date, which: int, ends_on: date) -> None:
        self.open_to(day)
        self.forms[which].ends_on = ends_on

    # --- What time does -------------------------------------------------------------------------

    def open_to(self, day: date) -> None:
        while self.today < day:
            self._note_active_units()
            self.today += ONE_DAY
            self._expire_what_ended()
            if self.starts_period(self.today):
                self._issue_invoice()
            for lot in self.lots:
                self._renew(lot)

    def _expire_what_ended(self) -> None:
        for lot in self.lots:
            for unit in lot.active():
                if unit.ends_on is not None and unit.ends_on <= self.today:
                    self._expire(unit, "cancelled")
                elif self.catalogue.retired(lot.model, self.today):
                    self._expire(unit, "model_retired")

    def _renew(self, lot: Lot) -> None:
        if not lot.active() or self.today < lot.first_term_end:
            return
        committed = self.today < lot.commitment_end
        for unit in lot.active():
            if not committed and self.form(self.today) is None:
                self._expire(unit, "order_form_ended")
            elif not committed and self.overdue(self.today):
                self._expire(unit, "payment_overdue")
        if lot.active():
            list_price = self.catalogue.price(lot.model, lot.kind, self.today)
            price = lot.price if committed else list_price
            self._charge(lot, "renewal", self.today + ONE_DAY, price)

    def _expire(self, unit: Unit, reason: str) -> None:
        unit.gone_on, unit.reason = self.today, reason

    def _issue_invoice(self) -> None:
        start = self.period_start(self.today - ONE_DAY)
        unit_days: dict[tuple[str, str, str, int, Fraction], int] = {}
        for charge in self.charges:
            if start <= charge.posted_on < self.today:
                lot = self.lots[charge.lot]
                alike = (lot.model, lot.kind, charge.type, charge.price, charge.discount)
                days = (charge.service_to - charge.service_from).days
                unit_days[alike] = unit_days.get(alike, 0) + charge.units * days
        if unit_days:
            lines = {_line(*alike, days) for alike, days in unit_days.items()}
            due_on = self.today + self._due_in() * ONE_DAY
            number = len(self.invoices) + 1
            self.invoices.append(Invoice(number, start, self.today, due_on, lines))

    def _due_in(self) -> int:
        """As the ruling form says, or the one that ruled last; nobody ever pays without a form."""
        day = self.today
        while (form := self.form(day)) is None:
            day -= ONE_DAY
        return form.due_in

    # --- What is so on a day --------------------------------------------------------------------

    def form(self, day: date) -> Form | None:
        ruling = None
        for form in self.forms:
            if form.in_force(day) and (ruling is None or form.starts_on >= ruling.starts_on):
                ruling = form
        return ruling

    def overdue(self, day: date) -> bool:
        return any(
            invoice.total > 0  # Nobody can pay nothing.
            and invoice.status in ("open", "uncollectible")
            and day >= invoice.due_on + 14 * ONE_DAY
            for invoice in self.invoices
        )

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
        found: dict[tuple[int, date, str], int] = {}
        for lot in self.lots:
            for unit in lot.units:
                if unit.gone_on:
                    alike = (lot.place, unit.gone_on, unit.reason)
                    found[alike] = found.get(alike, 0) + 1
        return {Expiry(lot, count, day, why) for (lot, day, why), count in found.items()}

    # --- Writing down ---------------------------------------------------------------------------

    def _add_lot(self, day: date, model: str, kind: str, count: int, commitment_end: date) -> None:
        first_term_end = self.next_period(day)
        lot = Lot(
            place=len(self.lots),
            model=model,
            kind=kind,
            bought_on=day,
            first_term_end=first_term_end,
            commitment_end=commitment_end,
            price=self.catalogue.price(model, kind, day),
            units=[Unit() for _ in range(count)],
            paid_until=day,
        )
        self.lots.append(lot)
        self._charge(lot, "first_term", first_term_end, lot.price)

    def _charge(self, lot: Lot, type_: str, until: date, price: int) -> None:
        count, days = len(lot.active()), (until - self.today).days
        form = self.form(self.today)
        discount = form.discount_on(lot.model) if form else Fraction(0)
        amount = sum(price for _ in range(count) for _ in range(days))
        self.charges.append(
            Charge(lot.place, type_, self.today, self.today, until, count, price, discount, amount)
        )
        lot.paid_until = until

    def _note_active_units(self) -> None:
        for lot in self.lots:
            self.active_on[lot.place, self.today] = len(lot.active())


def _line(
    model: str, kind: str, type_: str, price: int, discount: Fraction, unit_days: int
) -> InvoiceLine:
    amount = unit_days * price
    exact = amount * discount / 100
    half_up = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return InvoiceLine(model, kind, type_, price, discount, unit_days, amount, half_up)
