"""Writing audit entries (R19): this module alone does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import AuditEntry, Organization, User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where.

    `source` is a `page`, the `api`, the `admin`, a `command`, `stripe`, or `time` itself.
    """

    source: str
    user: User | None = None
    address: str | None = None

    @property
    def person(self) -> User:
        """The acting user. Raises LookupError if nobody in particular acts."""
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
    """Write one audit entry, in the transaction of the change that it tells of."""
    AuditEntry.objects.create(
        organization=organization,
        actor=by.user,
        source=by.source,
        address=by.address,
        action=action,
        subject=subject,
        before=before,
        after=after,
        at=at,
    )


def record_each(
    changes: "QuerySet[Any, tuple[Any, ...]]", *, by: Actor, action: str, at: datetime
) -> None:
    """Write one audit entry a row of `changes`, a query that yields its columns in this order:

    the organization's key, the subject, and what it is after the change, as JSON. The query is
    never fetched, so that ten thousand changes are recorded in one statement.
    """
    assert connection.in_atomic_block, "changes are recorded in their own transaction"
    sql, params = changes.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {AuditEntry._meta.db_table}
                (organization_id, subject, after, actor_id, source, address, action, at)
            SELECT change.*, %s::bigint, %s, %s::inet, %s, %s FROM ({sql}) change
            """,  # noqa: S608 - the query is Django's own
            (by.user.pk if by.user else None, by.source, by.address, action, at, *params),
        )
