"""Billing accounts: the prefix of an organization's invoice numbers."""

import secrets
import string
from collections.abc import Iterator
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from billing.domain.invoice_numbers import prefix_from_name
from billing.models import BillingAccount
from common.errors import InvalidRequest

LETTERS_AND_DIGITS = string.ascii_uppercase + string.digits


def assign_invoice_prefix(account: BillingAccount) -> None:
    """Give an account without a prefix one that no other has, made of its organization's name.

    The caller has locked the organization. Two organizations of one name can ask at once: the
    database lets one of them have a prefix, and the other gets the next.
    """
    assert connection.in_atomic_block, "a prefix is given in the transaction that needs it"
    for prefix in _candidates(prefix_from_name(account.organization.name)):
        try:
            with transaction.atomic():
                account.invoice_prefix = prefix
                account.save(update_fields=["invoice_prefix"])
        except IntegrityError:
            continue
        return


def _candidates(prefix: str) -> Iterator[str]:
    """Yield the prefix, then the prefix with a digit, then with random letters, without an end."""
    candidates = [prefix, *(f"{prefix}{digit}" for digit in range(2, 10))]
    taken = BillingAccount.objects.filter(invoice_prefix__in=candidates)
    used = set(taken.values_list("invoice_prefix", flat=True))
    yield from (candidate for candidate in candidates if candidate not in used)
    while True:
        yield prefix + "".join(secrets.choice(LETTERS_AND_DIGITS) for _ in range(5))


def set_invoice_prefix(
    *, organization: Organization, prefix: str, by: Actor, now: datetime
) -> BillingAccount:
    """Set the prefix of the organization's invoice numbers, before its first invoice.

    Raises InvalidRequest once there is an invoice, and Django's ValidationError for a prefix that
    is malformed or another organization's.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        account = BillingAccount.objects.get(organization=change.organization)
        if account.last_invoice_number:
            raise InvalidRequest(f"{organization} has invoices: their prefix is fixed.")
        before = account.invoice_prefix
        account.invoice_prefix = prefix
        account.full_clean()
        account.save(update_fields=["invoice_prefix"])
        change.record(
            "invoice_prefix.set",
            change.organization.public_id,
            before={"invoice_prefix": before},
            after={"invoice_prefix": prefix},
        )
    return account
