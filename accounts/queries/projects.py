"""Projects."""

from django.db.models import QuerySet

from accounts.models import Organization, Project
from common.errors import NotFound


def projects(organization: Organization) -> QuerySet[Project]:
    """Return the projects, newest first; the oldest is the default one."""
    return Project.objects.filter(organization=organization).order_by("-pk")


def projects_to_choose(organization: Organization) -> list[Project]:
    """Return the projects for a choice: the default one first, then by name."""
    return list(Project.objects.filter(organization=organization).order_by("-is_default", "name"))


def find_project(organization: Organization, project_id: str | None) -> Project:
    """Return one project; without an id the default one. Raises NotFound, which names the field."""
    rows = Project.objects.filter(organization=organization)
    rows = rows.filter(public_id=project_id) if project_id else rows.filter(is_default=True)
    project = rows.first()
    if project is None:
        raise NotFound.field("project", f"There is no project “{project_id}”.")
    return project
