"""Ending one of a person's own sessions; allauth lists them, and ends all others at once."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.operations.audit import Actor
from accounts.operations.sessions import end_session
from accounts.views.permissions import error_page
from common.client_address import client_address
from common.errors import BusinessError


@require_POST
def end(request: HttpRequest, session_id: int) -> HttpResponse:
    """Sign the person out in the browser of this session."""
    user = cast(User, request.user)
    by = Actor("page", user, client_address(request))
    try:
        end_session(user=user, session_id=session_id, by=by, real_now=timezone.now())
    except BusinessError as error:
        return error_page(request, error)
    messages.success(request, "That session has ended.")
    return redirect("usersessions_list")
