"""The one place where what went wrong becomes a problem document (RFC 9457)."""

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
"""Every other fault of the framework's finding is an `invalid_request`."""

WHOLE = "non_field_errors"


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to whatever a view raised, repeats of an answer given before included (R17)."""
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
    return _fault(exc, context)


def flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested errors by the dotted path of their field: `units.input`. The whole body is `body`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = "" if name == WHOLE else str(name)
            yield from flat(inner, ".".join(filter(None, (path, here))))
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


def _fault(exc: Exception, context: Mapping[str, Any]) -> Response:
    """A fault of ours: told to whoever watches, as Django tells it, and to nobody else."""
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
