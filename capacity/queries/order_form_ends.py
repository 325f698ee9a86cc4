"""The end of the order form with no successor, and the units that end with it (R11)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet, Sum

from accounts.models import Organization
from billing.domain.order_forms import (
    Discounts,
    FormTerms,
    first_day_without_form,
    form_in_force,
    order_form_spans,
)
from billing.models import OrderForm
from billing.queries.order_forms import END, ends_without_successor
from capacity.domain.renewals import known_end
from capacity.queries.lots import active_lots, with_renewing_units

NOTICES = (timedelta(days=30), timedelta(days=7))
"""So long before the end the owners get an email; from the first one on the page says so."""


@dataclass(frozen=True, slots=True)
class EndingUnits:
    """Units of a model that end with the order form, all on one day."""

    model: str
    kind: str
    units: int
    ends_on: date


@dataclass(frozen=True, slots=True)
class OrderFormEnd:
    """The first day with no order form in force, and what ends with it.

    `ends_on` None: no form was ever in force. `starts_on` is the start of the next signed form, if
    there is a gap before it.
    """

    ends_on: date | None
    has_ended: bool
    starts_on: date | None
    units: Sequence[EndingUnits]
    awaits_signature: str | None
    """The public id of the newest form that the owners can sign."""


def order_form_ends(
    organizations: Sequence[int], on: date
) -> QuerySet[OrderForm, tuple[int, date]]:
    """Return the ends without a successor of which organizations are told on the day `on`.

    Rows are the primary key of the organization and the day of the end.
    """
    return ends_without_successor(organizations, [on, *(on + notice for notice in NOTICES)])


def order_form_end(organization: Organization, *, on: date) -> OrderFormEnd | None:
    """Return the end of the order form, if it is past or at most 30 days ahead; else None.

    It takes one statement while no end is near, and two then.
    """
    rows = list(
        OrderForm.objects.filter(organization=organization)
        .order_by("pk")
        .values_list("pk", "public_id", "starts_on", END, "signed_at")
    )
    forms = [
        FormTerms(key, starts_on, ends_on, Discounts())
        for key, _, starts_on, ends_on, signed_at in rows
        if signed_at
    ]
    first_day = first_day_without_form(forms, on)
    if first_day is None or first_day > on + NOTICES[0]:
        return None
    unsigned = [
        public_id
        for _, public_id, _, ends_on, signed_at in rows
        if not signed_at and (ends_on is None or ends_on > on)
    ]
    has_ended = form_in_force(forms, on) is None
    past_ends = [form.ends_on for form in forms if form.ends_on and form.ends_on <= on]
    next_starts = [form.starts_on for form in forms if form.starts_on >= first_day]
    return OrderFormEnd(
        ends_on=max(past_ends, default=None) if has_ended else first_day,
        has_ended=has_ended,
        starts_on=min(next_starts, default=None),
        units=_ending_units(organization, forms, on),
        awaits_signature=unsigned[-1] if unsigned else None,
    )


def _ending_units(
    organization: Organization, forms: Sequence[FormTerms], on: date
) -> list[EndingUnits]:
    """Return the units that the lack of a form ends, by day: not the cancelled ones."""
    spans = order_form_spans(forms, on)
    rows = (
        with_renewing_units(active_lots(organization))
        .filter(renewing_units__gt=0)
        .order_by()
        .values_list(
            "snapshot__model",
            "kind",
            "snapshot__retires_on",
            "commitment_ends_on",
            "charged_until",
        )
        .annotate(units=Sum("renewing_units"))
    )
    ending: defaultdict[tuple[date, str, str], int] = defaultdict(int)
    for model, kind, retires_on, commitment_ends_on, charged_until, units in rows:
        ends_on = known_end(
            cancelled_to=None,
            retires_on=None,
            commitment_ends_on=commitment_ends_on,
            charged_until=charged_until,
            order_forms=spans,
        )
        if ends_on and (retires_on is None or ends_on < retires_on):
            ending[ends_on, model, kind] += units
    return [
        EndingUnits(model, kind, units, ends_on)
        for (ends_on, model, kind), units in sorted(ending.items())
    ]
