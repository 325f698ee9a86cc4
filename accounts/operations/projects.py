"""Making projects."""

from datetime import datetime

from django.db import transaction

from accounts.errors import InvalidRequest
from accounts.models import Organization, Project
from accounts.operations.audit import Actor, record
from accounts.operations.organizations import lock_organization


def create_project(*, organization: Organization, name: str, by: Actor, now: datetime) -> Project:
    """A project to attribute spend and usage to. Raises InvalidRequest for a name that is taken."""
    with transaction.atomic(durable=True):
        organization = lock_organization(organization)
        if Project.objects.filter(organization=organization, name=name).exists():
            raise InvalidRequest.field("name", f"There is a project “{name}” already.")
        project = Project.objects.create(organization=organization, name=name, created_at=now)
        record(
            organization=organization,
            by=by,
            action="project.created",
            subject=project.public_id,
            at=now,
            after={"name": name},
        )
    return project
