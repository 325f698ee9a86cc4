"""The base class of the API's views: a request of one person in one organization."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.access import AccessContext, authorize
from accounts.api.endpoints import Endpoint
from accounts.models import ApiKey, User
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from accounts.operations.days import bring_up_to_date
from accounts.queries.members import memberships_of
from common.api.fields import StrictSerializer
from common.api.pagination import in_order, newest_first
from common.api.parsers import StrictJSONParser
from common.api.rate_limits import rate_limit_headers
from common.client_address import client_address
from common.errors import NotFound
from common.idempotency import IdempotencyKey

Result = TypeVar("Result")


class OrganizationView(APIView):
    """Subclasses declare methods with `@endpoint`, which call queries and operations.

    Before a method runs, this class checks the permission, validates the query and the body, and
    opens every due day (R7). The method finds the person and the organization in `access`, the
    organization's time in `now`, and the validated values in `query` and `body`.
    """

    parser_classes = (StrictJSONParser,)
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    endpoint: Endpoint
    access: AccessContext
    now: datetime
    query: dict[str, Any]
    body: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.endpoint = self._endpoint(request)
        self.access = authorize(
            user=_user(request),
            organization_id=_organization_id(request),
            permission=self.endpoint.permission,
            by_key=isinstance(request.auth, ApiKey),
        )
        self.now = self.access.now
        parameters = _single_values(request.query_params)
        self.query = _validated(self.endpoint.query, parameters, list=self._list_name(request))
        if self.endpoint.body:
            self.body = _validated(self.endpoint.body, request.data)
        bring_up_to_date(organization=self.access.organization, now=self.now)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        for name, value in rate_limit_headers(request).items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def caller(self) -> Caller:
        """Return the first arguments of every operation."""
        key = self.request.auth
        return Caller(
            organization=self.access.organization,
            by=Actor(
                source="api",
                user=self.access.user,
                address=client_address(self.request),
                api_key=key if isinstance(key, ApiKey) else None,
            ),
            now=self.now,
        )

    def respond(self, result: Any) -> Response:
        """Return the response with one serialized object."""
        return Response(self._serializer(result).data, status=self.endpoint.status)

    def page(
        self,
        items: QuerySet[Any] | Sequence[Any],
        *,
        read: Callable[[Any], Any] = lambda row: row,
    ) -> Response:
        """Return one page. Rows come newest first, a list in its own order.

        `read` converts each item to the object that is serialized.
        """
        page = {
            "list_name": self._list_name(self.request),
            "limit": self.query["limit"],
            "after": self.query.get("cursor"),
        }
        if isinstance(items, QuerySet):
            rows, cursor = newest_first(items, self.request, **page)
        else:
            rows, cursor = in_order(items, **page)
        data = self._serializer([read(row) for row in rows], many=True).data
        return Response({"data": data, "next": cursor})

    def run_idempotent(
        self,
        operation: Callable[[IdempotencyKey], Result],
        *,
        read: Callable[[Result], Any] = lambda result: result,
        is_accepted: Callable[[Result], bool] = lambda _result: False,
    ) -> Response:
        """Run an operation under the request's Idempotency-Key, and return its response (R17).

        `read` converts the operation's result to the object that is serialized. A result that
        `is_accepted` is answered by 202 and the endpoint's `accepted` document. The response is the
        one stored in the operation's transaction; later changes are not in it.
        """
        body: dict[str, Any] = {}

        def render(result: Result) -> dict[str, Any]:
            body.update(self._serializer(read(result), accepted=is_accepted(result)).data)
            return body

        key = IdempotencyKey.for_request(
            key=self.request.headers.get("Idempotency-Key", ""),
            path=self.request.path,
            body=self.request.data,
            render=render,
            status=self.endpoint.status,
            is_accepted=is_accepted,
        )
        result = operation(key)
        return Response(body, status=key.status_of(result))

    def run_with_optional_key(
        self,
        operation: Callable[[IdempotencyKey | None], Result],
        *,
        read: Callable[[Result], Any] = lambda result: result,
    ) -> Response:
        """Run an operation, under the request's Idempotency-Key if it has one (R17)."""
        if "Idempotency-Key" in self.request.headers:
            return self.run_idempotent(operation, read=read)
        return self.respond(read(operation(None)))

    def _list_name(self, request: Request) -> str:
        """Return the name of this list of this organization. A cursor is valid for one list."""
        return f"{self.access.organization.public_id} {request.path}"

    def _serializer(
        self, result: Any, *, accepted: bool = False, **options: Any
    ) -> BaseSerializer[Any]:
        document = self.endpoint.accepted if accepted else self.endpoint.response
        assert document, "this method has no result to show"
        return document(result, **options)

    def _endpoint(self, request: Request) -> Endpoint:
        method = getattr(self, (request.method or "").lower(), None)
        declaration = getattr(method, "endpoint", None)
        if not isinstance(declaration, Endpoint):
            raise MethodNotAllowed(request.method or "")
        return declaration


def _user(request: Request) -> User:
    assert isinstance(request.user, User), "only people with a session or a key get this far"
    return request.user


def _organization_id(request: Request) -> str:
    """Return the id of the API key's organization; for sessions `X-Organization` or the first."""
    if isinstance(request.auth, ApiKey):
        return request.auth.organization.public_id
    named = request.headers.get("X-Organization")
    if named is not None:
        return named
    membership = memberships_of(_user(request)).first()
    if membership is None:
        raise NotFound("You are not a member of any organization.")
    return membership.organization.public_id


def _single_values(query: QueryDict) -> dict[str, str]:
    repeated = [name for name, values in query.lists() if len(values) > 1]
    if repeated:
        raise ValidationError({name: ["Only one value can be given."] for name in repeated})
    return {name: str(value) for name, value in query.items()}


def _validated(shape: type[StrictSerializer], data: Any, **context: Any) -> dict[str, Any]:
    serializer = shape(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
