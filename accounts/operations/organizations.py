"""Making organizations and projects, and taking the organization's lock."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization, Project
from accounts.operations.audit import Actor, record


def create_organization(
    *, name: str, by: Actor, now: datetime, is_sandbox: bool = False
) -> Organization:
    """A new organization with its default project. A sandbox's clock stands at `now` (R13)."""
    with transaction.atomic():
        organization = Organization.objects.create(
            name=name,
            created_at=now,
            is_sandbox=is_sandbox,
            clock_at=now if is_sandbox else None,
            opened_until=now.date() + timedelta(days=1),
        )
        Project.objects.create(
            organization=organization, name="Default project", is_default=True, created_at=now
        )
        record(
            organization=organization,
            by=by,
            action="organization.created",
            subject=organization.public_id,
            at=now,
            after={"name": name, "sandbox": is_sandbox},
        )
    return organization


def lock_organization(organization: Organization) -> Organization:
    """The organization's row, locked until the transaction ends and read anew.

    The first lock of every change. `NO KEY` lets rows that merely refer to it be written meanwhile.
    """
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
