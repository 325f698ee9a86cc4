"""A second, naive implementation of R2 to R8, R10, R11, R20 and R21: one unit and day at a time.

Nothing here comes from the product, neither code nor arithmetic, so that the two can only agree if
both are right. It is slow and deletes nothing. Histories run in both, and the results are compared.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.simulation.approvals import Approvals
from tests.simulation.histories import Buy, Decide
from tests.simulation.invoicing import issue_invoice
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
)
from tests.simulation.spend import passes_hard_limit, posted


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
    approvals: Approvals = field(default_factory=Approvals)
    pays_everything: bool = False

    # --- What people do. Most return the codes of all reasons to refuse it ----------------------

    def buy(self, day: date, purchase: Buy) -> set[str]:
        self.open_to(day)
        if error_codes := self.refusals(purchase):
            return error_codes
        if self.approvals.needs_approval(purchase, self.catalogue, day):
            self.approvals.ask(purchase, day)
            return {"needs_approval"}
        self._add_lots(purchase)
        return set()

    def decide(self, day: date, position: int, decision: Decide) -> set[str]:
        self.open_to(day)
        request = self.approvals.requests[position]
        error_codes = self.approvals.refusals(request, decision)
        if decision.decision == "approve" and not error_codes:
            error_codes = self.refusals(request.purchase)
            if self.due(request.purchase, day) != self.due(
                request.purchase, day - decision.seen_before
            ):
                error_codes.add("quote_changed")
            if not error_codes:
                self._add_lots(request.purchase)
        if not error_codes:
            self.approvals.settle(request, decision)
        return error_codes

    def refusals(self, purchase: Buy) -> set[str]:
        """Why nobody can make the purchase today, whether or not it needs approval."""
        error_codes = self.approvals.limit_refusals(purchase, self.catalogue, self.today)
        cost = self.due(purchase, self.today)
        if passes_hard_limit(self, cost, in_project=purchase.in_project):
            error_codes.add("spend_limit_exceeded")
        if self.order_form(self.today) is None:
            error_codes.add("order_form_required")
        if self.overdue(self.today):
            error_codes.add("payment_overdue")
        if self.catalogue.retired(purchase.model, self.today + 29 * ONE_DAY):
            error_codes.add("model_retiring")
        return error_codes

    def due(self, purchase: Buy, day: date) -> int:
        """What the purchase would cost at once if it were made on a day."""
        return self.catalogue.cost_per_day(purchase, day) * (self.next_period(day) - day).days

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
                issue_invoice(self)
            self._renew_committed()
            self._renew_past_commitment()
            self.approvals.lapse(self.today)

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
        return not self.pays_everything and any(
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

    def _add_lots(self, purchase: Buy) -> None:
        for kind in ("input", "output", "combined"):
            if purchase.units.get(kind):
                self._add_lot(purchase, kind)

    def _add_lot(self, purchase: Buy, kind: str) -> None:
        first_term_end = self.next_period(self.today)
        lot = Lot(
            position=len(self.lots),
            model=purchase.model,
            kind=kind,
            bought_on=self.today,
            first_term_end=first_term_end,
            commitment_end=self.today + 30 * ONE_DAY,
            price=self.catalogue.price(purchase.model, kind, self.today),
            units=[Unit() for _ in range(purchase.units[kind])],
            charged_until=self.today,
            in_project=purchase.in_project,
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
