"""Writing the record (R19)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
        """The acting user; a LookupError if nobody in particular acts."""
        if self.user is None:
            raise LookupError(f"{self.source} is not a person")
        return self.user


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
    """Leave an audit entry, in the transaction of the change that it tells of."""
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
