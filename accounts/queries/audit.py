"""The audit log: its entries, and what they can be searched and filtered by."""

from collections.abc import Collection
from datetime import date

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.models import AuditEntry, Organization, User
from accounts.queries.audit_words import ACTIONS, history_ids
from common.days import DAY
from common.instants import midnight

# Walks the index of actors from one to the next: a DISTINCT would read the whole log.
ACTORS = """
    WITH RECURSIVE actor (id) AS (
        (
            SELECT actor_id FROM accounts_auditentry
            WHERE organization_id = %(organization)s AND actor_id IS NOT NULL
            ORDER BY actor_id LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT actor_id FROM accounts_auditentry
            WHERE organization_id = %(organization)s AND actor_id > actor.id
            ORDER BY actor_id LIMIT 1
        )
        FROM actor WHERE actor.id IS NOT NULL
    )
    SELECT person.* FROM accounts_user person JOIN actor ON actor.id = person.id
    ORDER BY person.name, person.email LIMIT %(most)s
"""
MOST_ACTORS = 200


def audit_entries(organization: Organization) -> QuerySet[AuditEntry]:
    """Return the organization's audit entries (R19), newest first."""
    return (
        AuditEntry.objects.filter(organization=organization)
        .select_related("actor", "api_key")
        .order_by("-pk")
    )


def entries_about(rows: QuerySet[AuditEntry], subjects: Collection[str]) -> QuerySet[AuditEntry]:
    """Return the entries about one of these public ids."""
    return rows.filter(subject__in=subjects)


def history(
    rows: QuerySet[AuditEntry], organization: Organization, subject: str
) -> QuerySet[AuditEntry]:
    """Return the entries about a public id, and about what belongs to it.

    The history of a lot has its purchase and its cancellations too.
    """
    return entries_about(rows, history_ids(organization, subject))


def entries_between(
    rows: QuerySet[AuditEntry], *, since: date | None, before: date | None
) -> QuerySet[AuditEntry]:
    """Return the entries of the days `[since, before)`, by the organization's clock."""
    if since is not None:
        rows = rows.filter(at__gte=midnight(since))
    if before is not None:
        rows = rows.filter(at__lt=midnight(before))
    return rows


def day_after(last: date) -> date | None:
    """Return the day after, or None after the last day there is."""
    return None if last == date.max else last + DAY


def search_entries(rows: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    """Return the entries with the text in what people read of them.

    That is the name of the action, the person, the address, the values before and after; and an id
    that begins so.
    """
    if not text:
        return rows
    named = [action for action, words in ACTIONS.items() if text.lower() in words.label.lower()]
    rows = rows.alias(old=Cast("before", TextField()), new=Cast("after", TextField()))
    found = Q(subject__istartswith=text) | Q(public_id__istartswith=text) | Q(action__in=named)
    for column in ("actor__name", "actor__email", "api_key__name", "address", "old", "new"):
        found |= Q(**{f"{column}__icontains": text})
    return rows.filter(found)


def people_in_log(organization: Organization) -> list[User]:
    """Return who made changes in the organization, former members and operators too, by name."""
    parameters = {"organization": organization.pk, "most": MOST_ACTORS}
    return list(User.objects.raw(ACTORS, parameters))
