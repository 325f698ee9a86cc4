"""Setting the billing details. The invoices to come have them, and so has the provider."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from billing.domain.billing_details import FIELDS, Customer
from billing.models import BillingDetails, CustomerSync, SyncStatus
from billing.models.billing_details import MAX_ADDRESS_LINES
from billing.queries.billing_details import COUNTRIES
from common.errors import InvalidRequest
from common.texts import is_mailable, is_single_line

SINGLE_LINE = "Line breaks and other control characters are not allowed here."


def set_billing_details(
    *, organization: Organization, details: Customer, by: Actor, now: datetime
) -> Customer:
    """Set the billing details of the organization, all of them, and sync them to the provider.

    Spaces around lines are dropped. Raises InvalidRequest, which names every field at fault.
    """
    details = _tidied(details)
    with organization_change(organization=organization, by=by, now=now) as change:
        row = BillingDetails(organization=change.organization, **details.document())
        _check(row)
        earlier = BillingDetails.objects.filter(pk=change.organization.pk).first()
        before = _document(earlier) if earlier else None
        if before == details.document():
            return details
        row.save(force_insert=earlier is None, force_update=earlier is not None)
        _enqueue_sync(change.organization)
        change.record(
            "billing_details.set",
            change.organization.public_id,
            before=before,
            after=details.document(),
        )
    return details


def _tidied(details: Customer) -> Customer:
    texts = {name: text.strip() for name, text in details.document().items()}
    lines = [line.strip() for line in details.address.splitlines()]
    texts["address"] = "\n".join(line for line in lines if line)
    texts["country"] = texts["country"].upper()
    return Customer(**texts)


def _check(row: BillingDetails) -> None:
    """Raises InvalidRequest unless everything can be printed, mailed and sent to the provider."""
    errors: dict[str, list[str]] = {}
    try:
        row.clean_fields(exclude=["organization"])
    except ValidationError as error:
        errors |= error.message_dict
    lines = row.address.split("\n")
    for name in FIELDS:
        texts = lines if name == "address" else [getattr(row, name)]
        if not all(map(is_single_line, texts)):
            errors.setdefault(name, [SINGLE_LINE])
    if len(lines) > MAX_ADDRESS_LINES:
        errors.setdefault("address", [f"An address has at most {MAX_ADDRESS_LINES} lines."])
    if row.country and row.country not in COUNTRIES:
        errors["country"] = ["This is no country code of ISO 3166-1, like US or DE."]
    if row.email and not is_mailable(row.email):
        errors["email"] = [f"No email can be sent to {row.email}. Check the address."]
    if errors:
        raise InvalidRequest("The billing details are not complete or not right.", errors=errors)


def _document(row: BillingDetails) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}


def _enqueue_sync(organization: Organization) -> None:
    """Put the customer in the queue to the provider, in the transaction of the change.

    A worker that is sending an earlier revision keeps its claim, and starts again after it.
    """
    is_queued = CustomerSync.objects.filter(pk=organization.pk).update(
        status=SyncStatus.PENDING, revision=F("revision") + 1, failures=0, next_attempt_at=None
    )
    if not is_queued:
        CustomerSync.objects.create(organization=organization)
