"""Views and responses that need no organization."""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.api.problems import MEDIA_TYPE
from common.errors import NotFound, problem_document

PATH = "/api/"


class UnknownPath(APIView):
    """Answers paths without a route with a problem document."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address.")


def no_content() -> Response:
    """Return the response to a request that has no result."""
    return Response(status=HTTPStatus.NO_CONTENT)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before any view, such as a wrong Host: under `/api/` as JSON."""
    if not request.path.startswith(PATH):
        return defaults.bad_request(request, exception)
    return _problem(HTTPStatus.BAD_REQUEST, "invalid_request", "The request is not valid.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error outside the views, such as one of a middleware: under `/api/` as JSON."""
    if not request.path.startswith(PATH):
        return defaults.server_error(request)
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side."
    )


def _problem(status: HTTPStatus, code: str, detail: str) -> HttpResponse:
    document = problem_document(status=status, code=code, detail=detail)
    return HttpResponse(json.dumps(document), status=status, content_type=MEDIA_TYPE)
