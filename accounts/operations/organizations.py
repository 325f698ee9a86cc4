"""Making organizations, and locking them."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization, Project
from accounts.operations.audit import Actor, record


def create_organization(
    *, name: str, by: Actor, now: datetime, is_sandbox: bool = False
) -> Organization:
    """Make an organization with its default project. The clock of a sandbox shows `now` (R13).

    There is no organization to lock yet, so this is not an `organization_change`.
    """
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
    """Lock the organization's row until the transaction ends, and return it as it is now.

    It is the first lock of every change. With `NO KEY`, other transactions can still write rows
    that refer to the organization.
    """
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
