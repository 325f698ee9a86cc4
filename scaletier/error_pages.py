"""Answers to requests that no view gets, as problem documents under `/api/`."""

from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from common.api.problems import MEDIA_TYPE
from common.errors import problem_document


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses: its Host header, or too many fields."""
    if not request.path.startswith("/api/"):
        return defaults.bad_request(request, exception)
    detail = "The request is malformed."
    if isinstance(exception, DisallowedHost):
        detail = "The Host header does not name a host of this service."
    status = HTTPStatus.BAD_REQUEST
    document = problem_document(status=status, code="invalid_request", detail=detail)
    return JsonResponse(document, status=status, content_type=MEDIA_TYPE)
