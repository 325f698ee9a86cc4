"""The words of capacity's audit entries, and the names and pages of what they are about."""

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet, Value
from django.urls import reverse

from accounts.models import Organization
from accounts.queries.audit_words import (
    FieldWords,
    Subject,
    history_of,
    register_actions,
    register_fields,
    subjects_of,
)
from billing.audit_words import money
from capacity.models import (
    Cancellation,
    ExpiryReason,
    Lot,
    Pool,
    Purchase,
    PurchaseRequest,
    QuoteRequest,
)
from common.texts import counted

register_actions(
    "Capacity",
    {
        "units.bought": ("Units bought", "Bought {units} of {model}"),
        "units.cancelled": ("Units cancelled", "Cancelled {units} of {lot}; last day {ends_on}"),
        "cancellation.undone": ("Cancellation undone", "Undid the {subject}"),
        "units.expired": ("Units expired", "{units} of {subject} expired: {reason}"),
        "pool.created": ("Pool created", "Created the pool “{name}” of {model}"),
        "account_plan.set": (
            "Account plan set",
            "Set the limits of the account plan on {subject}",
        ),
        "accountplan.created": (
            "Account plan set",
            "Set the limits of the account plan on {subject}",
        ),
        "accountplan.changed": (
            "Account plan set",
            "Set the limits of the account plan on {subject}",
        ),
        "clock.advanced": ("Clock moved", "Moved the clock from {before[now]} to {after[now]}"),
    },
)
register_actions(
    "Purchase requests",
    {
        "purchase.requested": ("Purchase requested", "Asked to buy {units} of {model}"),
        "purchase_request.approved": ("Purchase request approved", "Approved the {subject}"),
        "purchase_request.declined": ("Purchase request declined", "Declined the {subject}"),
        "purchase_request.withdrawn": ("Purchase request withdrawn", "Withdrew the {subject}"),
        "purchase_request.lapsed": ("Purchase request lapsed", "{subject} lapsed"),
        "purchaser.limit_set": (
            "Purchaser's limit set",
            "Set the limit of {subject} to {after[limit_per_day]} a day",
        ),
        "approval.set": (
            "Approval threshold set",
            "Set the threshold of approvals to {after[threshold_per_day]} a day",
        ),
    },
)
register_actions(
    "Order forms",
    {
        "quote_request.created": ("Capacity asked for", "Asked for capacity of {models}"),
        "quote_request.answered": (
            "Quote request answered",
            "Answered the {subject} with the {order_form}",
        ),
        "quote_request.withdrawn": ("Quote request withdrawn", "Withdrew the {subject}"),
        "quote_request.declined": ("Quote request declined", "Declined the {subject}: {reply}"),
    },
)
register_actions(
    "Catalogue",
    {
        "catalogue.imported": ("Catalogue imported", "Imported a catalogue of {subject}"),
        "supply.set": ("Supply capped", "Capped the units of {subject} at {cap}"),
        "snapshot.created": ("Model added", "Added the model {model}"),
        "snapshot.changed": ("Model changed", "Changed the model {subject}"),
        "tokenunit.created": ("Token unit added", "Added {kind} units of {snapshot}"),
        "tokenunit.changed": ("Token unit changed", "Changed {subject}"),
        "listprice.created": ("List price added", "Set a price of {subject} from {from_on} on"),
        "payasyougoprice.created": (
            "Pay-as-you-go prices added",
            "Set pay-as-you-go prices of {subject} from {from_on} on",
        ),
    },
)


def units_in_words(value: Any) -> str:
    """Return a number of units, or those of several kinds: `4 input units and 2 output units`."""
    if isinstance(value, dict):
        return " and ".join(counted(units, f"{kind} unit") for kind, units in value.items())
    return counted(int(value), "unit")


register_fields(
    {
        "units": FieldWords("Units", units_in_words),
        "units.bought:amount": money("Charged at once, standard rates"),
        "units.expired:reason": FieldWords(
            "Reason", lambda value: dict(ExpiryReason.choices).get(value, value).lower()
        ),
        "listprice.created:amount": money("Price of a unit and day"),
        "due_now": money("Due at once, standard rates"),
        "then_per_day": money("Then a day, standard rates"),
        "threshold_per_day": money("Threshold a day"),
        "limit_per_day": money("Most that one purchase costs a day"),
        "lapses_on": FieldWords("Lapses on", lambda value: f"{value} UTC"),
        "from_on": FieldWords("First day", lambda value: f"{value} UTC"),
        "retires_on": FieldWords("Retires on", lambda value: f"{value} UTC"),
        "cap": FieldWords("Units that exist"),
        "supply_cap": FieldWords("Units that exist"),
        "tpm": FieldWords("Tokens per minute of a unit"),
        **{
            f"{action}:{name}": FieldWords(label, "{:,}".format)
            for action in ("account_plan.set", "accountplan.created", "accountplan.changed")
            for name, label in (("rpm", "Requests per minute"), ("tpm", "Tokens per minute"))
        },
    }
)


@subjects_of("pur_", "lot_", "can_", "pt_", "req_", "qr_")
def capacity_subjects(
    organization: Organization | None, ids: Collection[str]
) -> dict[str, Subject]:
    """Return purchases, lots, cancellations and pools by their public ids."""
    own = {"organization": organization} if organization else {}
    nothing = Value("")
    rows: list[QuerySet[Any, tuple[str, str, str, int, str]]] = [
        Purchase.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "snapshot__model", nothing, Value(0), nothing
        ),
        Lot.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "snapshot__model", "kind", "units", "public_id"
        ),
        Cancellation.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "lot__snapshot__model", "lot__kind", "units", "lot__public_id"
        ),
        Pool.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "snapshot__model", "name", Value(0), nothing
        ),
        PurchaseRequest.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "snapshot__model", nothing, Value(0), nothing
        ),
        QuoteRequest.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", nothing, nothing, Value(0), nothing
        ),
    ]
    found = rows[0].union(*rows[1:], all=True)
    return {row[0]: _subject(organization, *row) for row in found}


def _subject(
    organization: Organization | None, key: str, model: str, kind: str, units: int, lot: str
) -> Subject:
    names = {
        "pur": f"purchase of {model}",
        "lot": f"lot of {counted(units, f'{kind} unit')} of {model}",
        "can": f"cancellation of {counted(units, f'{kind} unit')} of {model}",
        "pt": f"pool “{kind}” of {model}",
        "req": f"purchase request for {model}",
        "qr": "quote request",
    }
    name = names[key.partition("_")[0]]
    if organization is None:
        return Subject(name)
    here = organization.public_id
    if lot:
        return Subject(name, reverse("lot", args=[here, lot]))
    return Subject(name, _url(here, key, model))


def _url(here: str, key: str, model: str) -> str:
    """Return the page of a purchase, a pool or a request."""
    if key.startswith("req_"):
        return reverse("purchase_requests", args=[here]) + f"#{key}"
    if key.startswith("qr_"):
        return reverse("order_form", args=[here])
    page = reverse("model", args=[here, model])
    return f"{page}?{urlencode({'lots-q': key})}#lots" if key.startswith("pur_") else page


@history_of("lot_", "pur_")
def history_of_lots(organization: Organization, public_id: str) -> Iterable[str]:
    """Return the purchase of a lot and its cancellations; of a purchase, those of all its lots."""
    column = "public_id" if public_id.startswith("lot_") else "purchase__public_id"
    lots = Lot.objects.filter(organization=organization, **{column: public_id})
    rows = lots.values_list("public_id", "purchase__public_id", "cancellations__public_id")
    return {key for row in rows for key in row if key}
