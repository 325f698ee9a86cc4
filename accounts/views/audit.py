"""The audit log, which can be searched, filtered and downloaded (R19)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from accounts.access import AccessContext, Permission
from accounts.filters import AuditFilters
from accounts.models import AuditEntry, Organization
from accounts.queries.audit import audit_entries
from accounts.queries.audit_words import EntryInWords, FieldChange, find_subject, in_words
from accounts.views.permissions import PageRequest, permission_required
from common.csv import ROWS_A_FETCH, csv_download
from common.instants import rfc3339
from common.lists import list_page, render_lists

CSV_HEADER = [
    "entry",
    "at",
    "recorded_at",
    "person",
    "email",
    "from",
    "address",
    "action",
    "what",
    "subject",
    "before",
    "after",
]
"""`at` is by the organization's clock, `recorded_at` by the real one; both are UTC."""


@permission_required(Permission.MANAGE)
@require_GET
def audit_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show every change: who made it, when, from where, and the values before and after."""
    organization = access.organization
    filters = AuditFilters("entries", request.GET, organization=organization)
    entries = list_page(request, "entries", audit_entries(organization), filters)
    subject = filters.value("subject")
    context = {
        "entries": entries,
        "entries_in_words": in_words(list(entries), organization),
        "subject": subject and find_subject(subject, organization),
    }
    return render_lists(request, "accounts/audit.html", context)


@permission_required(Permission.MANAGE)
@require_GET
def audit_csv(request: PageRequest, access: AccessContext) -> HttpResponseBase:
    """Download the audit entries that the filters of the page leave, as CSV."""
    organization = access.organization
    filters = AuditFilters("entries", request.GET, organization=organization).required()
    entries = filters.apply(audit_entries(organization)).iterator(ROWS_A_FETCH)
    return csv_download("audit-log", CSV_HEADER, _rows(entries, organization))


def _rows(entries: Iterable[AuditEntry], organization: Organization) -> Iterator[Sequence[Any]]:
    """Yield the rows. The names in many entries are read at once."""
    remaining = iter(entries)
    while some := list(islice(remaining, ROWS_A_FETCH)):
        for row in in_words(some, organization):
            yield _row(row)


def _row(row: EntryInWords) -> Sequence[Any]:
    entry, changes = row.entry, row.changes
    return (
        entry.public_id,
        rfc3339(entry.at),
        rfc3339(entry.recorded_at),
        row.person,
        row.email,
        row.origin,
        entry.address or "",
        entry.action,
        row.sentence,
        entry.subject,
        _values(changes, "before"),
        _values(changes, "after"),
    )


def _values(changes: Iterable[FieldChange], side: str) -> str:
    """Return the values of one side: `Role: member; Email: bob@example.com`."""
    values = ((change.label, getattr(change, side)) for change in changes)
    return "; ".join(f"{label}: {value}" for label, value in values if value is not None)
