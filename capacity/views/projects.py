"""Projects: what each holds and spends; making, renaming, archiving and restoring them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import AccessContext, Permission
from accounts.filters import ProjectFilters
from accounts.forms import ProjectForm
from accounts.operations.projects import change_project, create_project
from accounts.queries.projects import find_project, projects
from accounts.views.permissions import PageRequest, caller, permission_required
from accounts.views.responses import confirmation, list_url, redirect_from_dialog
from capacity.queries.projects import holdings_of, project_states
from common.errors import BusinessError
from common.forms import add_business_error
from common.fragments import render_fragment
from common.lists import list_page, render_lists
from common.texts import counted


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def projects_page(request: PageRequest, access: AccessContext) -> HttpResponse:
    """Show the projects. A POST makes one."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = create_project(**caller(request), name=form.cleaned_data["name"])
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(request, f"Project “{project}” is made.")
            return redirect(list_url(request, "projects"))
    page = list_page(
        request,
        "projects",
        projects(access.organization),
        ProjectFilters("projects", request.GET),
    )
    states = project_states(access.organization, page, on=access.now.date())
    context = {"form": form, "projects": page, "states": states}
    status = 422 if form.errors else 200
    return render_lists(request, "capacity/projects.html", context, status=status)


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def rename_project(request: PageRequest, access: AccessContext, project_id: str) -> HttpResponse:
    """Show the form of a project's name, for htmx as a dialog. A POST renames the project."""
    project = find_project(access.organization, project_id)
    back = list_url(request, "projects")
    form = ProjectForm(request.POST or None, initial={"name": project.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            change_project(**caller(request), project_id=project_id, name=name)
        except BusinessError as error:
            add_business_error(form, error)
        else:
            messages.success(request, f"Project “{project}” is now “{name}”.")
            return redirect_from_dialog(request, back)
    context = {"form": form, "project": project, "back": back}
    status = 422 if form.errors else 200
    if request.htmx:
        return render_fragment(
            request, "capacity/rename_project.html#dialog", context, status=status
        )
    return render(request, "capacity/rename_project.html", context, status=status)


@permission_required(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def archive_project(request: PageRequest, access: AccessContext, project_id: str) -> HttpResponse:
    """Ask for confirmation, then archive the project."""
    project = find_project(access.organization, project_id)
    if request.method == "POST":
        try:
            change_project(**caller(request), project_id=project_id, archived=True)
        except BusinessError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, f"Project “{project}” is archived. You can restore it.")
        return redirect(list_url(request, "projects"))
    units = sum(holding.units for holding in holdings_of(access.organization, project))
    going_on = (
        f"Its {counted(units, 'active unit')}, and its spend limit if it has one, go on as before."
        if units
        else "It holds no active units."
    )
    return confirmation(
        request,
        title=f"Archive “{project}”?",
        text=f"It takes no more purchases and no new spend limit. {going_on} "
        "You can restore it at any time.",
        action=request.get_full_path(),
        confirm="Archive project",
        back=list_url(request, "projects"),
    )


@permission_required(Permission.MANAGE)
@require_POST
def restore_project(request: PageRequest, _access: AccessContext, project_id: str) -> HttpResponse:
    """Let an archived project take purchases again."""
    project = change_project(**caller(request), project_id=project_id, archived=False)
    messages.success(request, f"Project “{project}” takes purchases again.")
    return redirect(list_url(request, "projects"))
