"""The exception handler of the API: it makes problem documents (RFC 9457)."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404
from django.utils.log import log_response
from rest_framework import exceptions
from rest_framework.response import Response

from common.errors import BusinessError, problem_document
from common.idempotency import ReplayedResponse

MEDIA_TYPE = "application/problem+json"

CODES = {
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "not_allowed",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
}
"""All other errors of the framework have the code `invalid_request`."""

NON_FIELD_ERRORS = "non_field_errors"


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return the response to an exception of a view; a ReplayedResponse is one of them (R17)."""
    if isinstance(exc, ReplayedResponse):
        return _response(exc.body, HTTPStatus(exc.status))
    if isinstance(exc, BusinessError):
        return _response(exc.document(), exc.status)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, exceptions.APIException):
        return _framework_problem(exc)
    return _internal_error(exc, context)


def flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield nested errors with the path of their field: `units.input`; `body` is the whole body."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            field = "" if name == NON_FIELD_ERRORS else str(name)
            yield from flat(inner, ".".join(filter(None, (path, field))))
    elif any(isinstance(item, Mapping) for item in detail):
        for index, inner in enumerate(detail):
            yield from flat(inner, f"{path}.{index}")
    elif detail:
        yield path or "body", [str(message) for message in detail]


def _framework_problem(exc: exceptions.APIException) -> Response:
    status = HTTPStatus(exc.status_code)
    errors = dict(flat(exc.detail)) if isinstance(exc.detail, list | dict) else {}
    detail = " ".join(
        f"{field}: {message}" for field, messages in errors.items() for message in messages
    )
    document = problem_document(
        status=status,
        code=CODES.get(status, "invalid_request"),
        detail=detail or str(exc.detail),
        errors=errors,
    )
    response = _response(document, status)
    if challenge := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def _internal_error(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return the response to an unexpected exception, which is signalled and logged as in Django.

    The response has no details of it.
    """
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    document = problem_document(
        status=status,
        code="internal_error",
        detail="Something went wrong on our side. Trying again may help, and is safe with the "
        "same Idempotency-Key.",
    )
    response = _response(document, status)
    request = context["request"]
    got_request_exception.send(sender=problem_response, request=request)
    log_response(
        "%s: %s", status.phrase, request.path, response=response, request=request, exception=exc
    )
    return response


def _response(document: Mapping[str, Any], status: HTTPStatus) -> Response:
    content_type = MEDIA_TYPE if status >= HTTPStatus.BAD_REQUEST else None
    return Response(document, status=status, content_type=content_type)
