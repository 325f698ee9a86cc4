"""Writing audit entries (R19). No other module writes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import ApiKey, AuditEntry, Organization, User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and from where.

    `source` is `page`, `api`, `admin`, `command`, `stripe`, or `time` for the opening of a day.
    `api_key` is the key that the request came with; without one it came in a browser's session.
    """

    source: str
    user: User | None = None
    address: str | None = None
    api_key: ApiKey | None = None

    @property
    def person(self) -> User:
        """Return the user. Raises LookupError if the actor is not a person."""
        if self.user is None:
            raise LookupError(f"{self.source} is not a person")
        return self.user


TIME = Actor("time")


def record(
    *,
    organization: Organization | None,
    by: Actor,
    action: str,
    subject: str,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write the audit entry of a change, in the transaction of the change (R19).

    `organization` is None for a change of the platform. `at` is the organization's time.
    """
    AuditEntry.objects.create(
        organization=organization,
        actor=by.user,
        source=by.source,
        api_key=by.api_key,
        address=by.address,
        action=action,
        subject=subject,
        before=before,
        after=after,
        at=at,
    )


def record_for_person(
    person: User,
    *,
    by: Actor,
    action: str,
    real_now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write the entry of what happened to a person's identity: sign-ins, passwords, factors.

    It goes to the log of each of their organizations, whose owners trust this person, at its own
    time (R1). That of an operator, or of somebody without an organization, goes to the platform's.
    """
    organizations: list[Organization | None] = list(
        Organization.objects.filter(memberships__user=person).order_by("pk")
    )
    if person.is_staff or not organizations:
        organizations.append(None)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            organization=organization,
            actor=by.user,
            source=by.source,
            api_key=by.api_key,
            address=by.address,
            action=action,
            subject=person.public_id,
            before=before,
            after=after,
            at=(organization and organization.clock_at) or real_now,
        )
        for organization in organizations
    )


def record_each(
    changes: "QuerySet[Any, tuple[Any, ...]]", *, by: Actor, action: str, at: datetime
) -> None:
    """Write one audit entry for each row of the query `changes`, in one statement (R19).

    `changes` has three columns in this order: the primary key of the organization, the subject,
    and the values after the change as JSON. Its rows are not fetched, so that ten thousand changes
    cost one statement.
    """
    assert connection.in_atomic_block, "changes are recorded in the transaction that makes them"
    sql, params = changes.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {AuditEntry._meta.db_table}
                (organization_id, subject, after, actor_id, source, api_key_id, address, action, at)
            SELECT change.*, %s::bigint, %s, %s::bigint, %s::inet, %s, %s FROM ({sql}) change
            """,  # noqa: S608 - the query is Django's own
            (
                by.user.pk if by.user else None,
                by.source,
                by.api_key.pk if by.api_key else None,
                by.address,
                action,
                at,
                *params,
            ),
        )
