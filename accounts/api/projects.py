"""Projects."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.operations.projects import change_project, create_project
from accounts.queries.projects import projects
from accounts.serializers.projects import (
    ProjectChangeSerializer,
    ProjectRequestSerializer,
    ProjectSerializer,
)
from common.api.pagination import PageQuery


class Projects(OrganizationView):
    @endpoint(
        "list_projects",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=ProjectSerializer,
    )
    def get(self, request: Request) -> Response:
        """Projects. Every purchase counts for one project."""
        return self.page(projects(self.access.organization))

    @endpoint(
        "make_project",
        permission=Permission.MANAGE,
        body=ProjectRequestSerializer,
        response=ProjectSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make a project. Its name must be unique in the organization."""
        return self.respond(create_project(**self.caller, name=self.body["name"]))


class ProjectView(OrganizationView):
    @endpoint(
        "change_project",
        permission=Permission.MANAGE,
        body=ProjectChangeSerializer,
        response=ProjectSerializer,
    )
    def patch(self, request: Request, project_id: str) -> Response:
        """Rename a project, archive it or restore it; what is left out stays as it is.

        An archived project takes no purchases and no new limit. What it holds goes on.
        """
        return self.respond(change_project(**self.caller, project_id=project_id, **self.body))
