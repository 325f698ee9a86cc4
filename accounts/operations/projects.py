"""Making, renaming, archiving and restoring projects."""

from datetime import datetime
from typing import Any

from accounts.models import Organization, Project
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.queries.projects import find_project
from common.errors import InvalidRequest


def create_project(*, organization: Organization, name: str, by: Actor, now: datetime) -> Project:
    """Make a project. Raises InvalidRequest for a name that is taken."""
    with organization_change(organization=organization, by=by, now=now) as change:
        _check_name(change, name)
        project = Project.objects.create(
            organization=change.organization, name=name, created_at=change.now
        )
        change.record("project.created", project.public_id, after={"name": name})
    return project


def change_project(
    *,
    organization: Organization,
    project_id: str,
    name: str | None = None,
    archived: bool | None = None,
    by: Actor,
    now: datetime,
) -> Project:
    """Rename a project, archive it or restore it; None leaves as it is. Returns the project.

    An archived project takes no purchases and no new limit; its lots go on and are charged.
    Raises NotFound, and InvalidRequest for a name that is taken or to archive the default project.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        project = find_project(change.organization, project_id)
        before = _document(project)
        if name is not None and name != project.name:
            _check_name(change, name)
            project.name = name
        if archived is not None and archived != project.is_archived:
            _check_not_default(project)
            project.archived_at = change.now if archived else None
        if _document(project) != before:
            project.save(update_fields=["name", "archived_at"])
            change.record("project.changed", project_id, before=before, after=_document(project))
    return project


def _document(project: Project) -> dict[str, Any]:
    return {"name": project.name, "archived": project.is_archived}


def _check_name(change: Change, name: str) -> None:
    namesake = Project.objects.filter(organization=change.organization, name=name).first()
    if namesake:
        kind = "an archived project" if namesake.is_archived else "a project"
        raise InvalidRequest.field("name", f"There is {kind} “{name}” already.")


def _check_not_default(project: Project) -> None:
    if project.is_default:
        raise InvalidRequest.field(
            "archived",
            f"“{project}” is the default project, where purchases go that name none. "
            "It cannot be archived.",
        )
