"""The reference's purchase requests (R20) and limits of purchasers (R21)."""

from dataclasses import dataclass, field
from datetime import date

from tests.simulation.histories import Buy, Decide
from tests.simulation.records import ONE_DAY, Catalogue, PurchaseRequest

STATUSES = {"approve": "approved", "decline": "declined", "withdraw": "withdrawn"}


@dataclass
class Approvals:
    """Who may buy what alone. Amounts are costs per day; None is no threshold and no limit."""

    has_second_owner: bool = False
    threshold: int | None = None
    limit_of_bob: int | None = None
    requests: list[PurchaseRequest] = field(default_factory=list)

    def limit_refusals(self, purchase: Buy, catalogue: Catalogue, day: date) -> set[str]:
        limit = self.limit_of_bob if purchase.by == "Bob" else None
        if limit is not None and catalogue.cost_per_day(purchase, day) > limit:
            return {"purchaser_limit_exceeded"}
        return set()

    def needs_approval(self, purchase: Buy, catalogue: Catalogue, day: date) -> bool:
        if self.threshold is None or catalogue.cost_per_day(purchase, day) <= self.threshold:
            return False
        return purchase.by == "Bob" or self.has_second_owner

    def ask(self, purchase: Buy, day: date) -> None:
        self.requests.append(PurchaseRequest(purchase, lapses_on=day + 7 * ONE_DAY))

    def refusals(self, request: PurchaseRequest, decision: Decide) -> set[str]:
        """Why this person cannot decide the request so, whatever it costs."""
        error_codes = set()
        is_own = decision.by == request.purchase.by
        may_decide = is_own if decision.decision == "withdraw" else decision.by != "Bob"
        if not may_decide or (is_own and decision.decision != "withdraw"):
            error_codes.add("not_allowed")
        if request.status != "pending":
            error_codes.add("already_effective")
        return error_codes

    def settle(self, request: PurchaseRequest, decision: Decide) -> None:
        request.status = STATUSES[decision.decision]

    def lapse(self, day: date) -> None:
        for request in self.requests:
            if request.status == "pending" and request.lapses_on <= day:
                request.status = "lapsed"
