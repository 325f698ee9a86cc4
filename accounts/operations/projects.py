"""Making projects."""

from datetime import datetime

from accounts.models import Organization, Project
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from common.errors import InvalidRequest


def create_project(*, organization: Organization, name: str, by: Actor, now: datetime) -> Project:
    """Make a project. Raises InvalidRequest for a name that is taken."""
    with organization_change(organization=organization, by=by, now=now) as change:
        if Project.objects.filter(organization=change.organization, name=name).exists():
            raise InvalidRequest.field("name", f"There is a project “{name}” already.")
        project = Project.objects.create(
            organization=change.organization, name=name, created_at=change.now
        )
        change.record("project.created", project.public_id, after={"name": name})
    return project
