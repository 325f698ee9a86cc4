"""The object that implements the protocols of billing and accounts."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from accounts.models import Organization
from billing.domain.limits import HardLimits
from billing.domain.order_forms import OrderFormSpan
from billing.seller import ComingRenewal
from capacity.operations.days import Opened, open_due_days
from capacity.queries.renewals import renewals_to_come


class CapacitySeller:
    """A `billing.seller.Seller` and an `accounts.operations.days.DayOpener`."""

    def open_due_days(self, *, organization: Organization, now: datetime) -> Opened:
        return open_due_days(organization=organization, now=now)

    def renewals_to_come(
        self,
        *,
        organization: Organization,
        on: date,
        until: date,
        order_forms: Sequence[OrderFormSpan],
        limits: HardLimits | None = None,
    ) -> Iterable[ComingRenewal]:
        return renewals_to_come(
            organization=organization,
            on=on,
            until=until,
            order_forms=order_forms,
            limits=limits,
        )
