"""Projects."""

from django.db.models import Q, QuerySet

from accounts.models import Organization, Project
from common.errors import InvalidRequest, NotFound


def projects(organization: Organization) -> QuerySet[Project]:
    """Return the projects, newest first; the oldest is the default one."""
    return Project.objects.filter(organization=organization).order_by("-pk")


def open_projects(organization: Organization) -> QuerySet[Project]:
    """Return the projects that are not archived: they take purchases and requests."""
    return projects(organization).filter(archived_at__isnull=True)


def search_projects(rows: QuerySet[Project], text: str) -> QuerySet[Project]:
    """Return the projects with the text in their name, in any case, or with this id."""
    return rows.filter(Q(name__icontains=text) | Q(public_id__startswith=text)) if text else rows


def projects_to_choose(organization: Organization) -> list[Project]:
    """Return the projects that take purchases: the default one first, then by name."""
    return list(open_projects(organization).order_by("-is_default", "name"))


def find_project(organization: Organization, project_id: str | None) -> Project:
    """Return one project; without an id the default one. Raises NotFound, which names the field."""
    rows = Project.objects.filter(organization=organization)
    rows = rows.filter(public_id=project_id) if project_id else rows.filter(is_default=True)
    project = rows.first()
    if project is None:
        raise NotFound.field("project", f"There is no project “{project_id}”.")
    return project


def find_open_project(organization: Organization, project_id: str | None) -> Project:
    """Return a project that takes purchases and requests; without an id the default one.

    Raises NotFound, and InvalidRequest for an archived one; both name the field.
    """
    project = find_project(organization, project_id)
    if project.is_archived:
        raise InvalidRequest.field(
            "project",
            f"Project “{project}” is archived. Choose another, or ask an owner to restore it.",
        )
    return project
