"""The parts of the OpenAPI document that are the same for all operations."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from common.api.fields import StrictSerializer
from common.api.problems import MEDIA_TYPE

Handler = TypeVar("Handler", bound=Callable[..., Any])
Document = type[serializers.BaseSerializer[Any]]

PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "`invalid_request`, or `idempotency_key_required`.",
    HTTPStatus.UNAUTHORIZED: "`unauthenticated`",
    HTTPStatus.FORBIDDEN: "`not_allowed`: a member without the right to this, or without the "
    "second factor that the organization requires.",
    HTTPStatus.NOT_FOUND: "`not_found`: not there, or another organization's.",
    HTTPStatus.TOO_MANY_REQUESTS: "`rate_limited`: too many requests; wait `Retry-After` seconds.",
}
CONFLICTS = {HTTPStatus.CONFLICT: "Refused. The code says why, the detail what to do about it."}
KEY_REUSED = {
    HTTPStatus.UNPROCESSABLE_ENTITY: "`idempotency_key_reused`: for another request.",
}
Idempotent = Literal[True, False, "optional"]
"""Whether a request needs an Idempotency-Key, may have one, or knows none (R17)."""

IDEMPOTENCY_KEYS = {
    idempotent: OpenApiParameter(
        name="Idempotency-Key",
        location=OpenApiParameter.HEADER,
        required=is_required,
        description="At most 255 printable characters. The same key with the same body returns the "
        "first answer, for good, and does nothing.",
    )
    for idempotent, is_required in ((True, True), ("optional", False))
}


RATE_LIMIT_HEADERS = [
    OpenApiParameter(
        name="RateLimit-Policy",
        location=OpenApiParameter.HEADER,
        response=True,
        description="The limit that the request counts for: `q` requests in `w` seconds.",
    ),
    OpenApiParameter(
        name="RateLimit",
        location=OpenApiParameter.HEADER,
        response=True,
        description="What is left of it: `r` requests, and more of them after `t` seconds.",
    ),
    OpenApiParameter(
        name="Retry-After",
        type=OpenApiTypes.INT,
        location=OpenApiParameter.HEADER,
        response=[HTTPStatus.TOO_MANY_REQUESTS.value],
        description="Seconds to wait.",
    ),
]


@cache
def _schema() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


class SchemaMadeOnce(SchemaGenerator):
    """Makes the OpenAPI document once a process: anyone may ask for it, and making it is slow."""

    def get_schema(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        return _schema()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable; `errors` names the fields at fault."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # a field that bears this name
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


def page_of(document: Document) -> serializers.BaseSerializer[Any]:
    """Return the serializer of a page of `document`."""
    name = document.__name__.removesuffix("Serializer")
    fields = {
        "data": document(many=True),
        "next": serializers.CharField(allow_null=True, help_text="For `?cursor=`."),
    }
    return inline_serializer(f"{name}Page", fields=fields)


def documented(
    operation_id: str,
    *,
    response: Any,
    status: HTTPStatus,
    query: type[StrictSerializer],
    body: type[StrictSerializer] | None,
    idempotent: Idempotent,
    accepted: Document | None,
    refuses: bool,
) -> Callable[[Handler], Handler]:
    """Return a decorator that describes a view's method. Its docstring is the description."""
    problems = PROBLEMS | (CONFLICTS if refuses else {}) | (KEY_REUSED if idempotent else {})
    responses: dict[Any, Any] = {status.value: response}
    if accepted:
        responses[HTTPStatus.ACCEPTED.value] = accepted
    for code, description in sorted(problems.items()):
        responses[code.value, MEDIA_TYPE] = OpenApiResponse(ProblemSerializer, description)
    parameters: list[Any] = [query] if query().fields else []
    if idempotent:
        parameters.append(IDEMPOTENCY_KEYS[idempotent])
    describe: Callable[[Handler], Handler] = extend_schema(
        operation_id=operation_id,
        summary=operation_id.replace("_", " ").capitalize(),
        request=body if body and body().fields else None,
        parameters=[*parameters, *RATE_LIMIT_HEADERS],
        responses=responses,
    )
    return describe
