"""What every view of the API is: somebody, in one organization, with a right read just now."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.access import Visit, enter
from accounts.api.endpoints import Endpoint
from accounts.api.pagination import in_order, newest_first
from accounts.api.parsers import StrictJSONParser
from accounts.errors import NotFound
from accounts.models import ApiKey, User
from accounts.operations.audit import Actor
from accounts.operations.days import bring_up_to_date
from accounts.operations.idempotency import Once
from accounts.queries import memberships_of
from accounts.serializers.fields import StrictSerializer

Result = TypeVar("Result")


class OrganizationView(APIView):
    """Subclasses declare methods with `@endpoint` and translate; nothing is decided here either.

    By the time a method runs, `visit` says who and where, `now` when; `asked` holds the query and
    `sent` the body, both valid and complete; and every day that is due is open (R7).
    """

    parser_classes = (StrictJSONParser,)
    http_method_names = ["get", "head", "post", "put", "delete"]

    endpoint: Endpoint
    visit: Visit
    now: datetime
    actor: Actor
    asked: dict[str, Any]
    sent: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.endpoint = self._endpoint(request)
        self.visit = enter(
            user=_user(request),
            organization_id=_organization_id(request),
            permission=self.endpoint.permission,
        )
        self.now = self.visit.now
        address = request.META.get("REMOTE_ADDR") or None
        self.actor = Actor(source="api", user=self.visit.user, address=address)
        self.asked = _valid(
            self.endpoint.query, _said_once(request.query_params), list=self._list(request)
        )
        if self.endpoint.body:
            self.sent = _valid(self.endpoint.body, request.data)
        bring_up_to_date(organization=self.visit.organization, now=self.now)

    def answer(self, result: Any) -> Response:
        """The one thing asked for, or made."""
        return Response(self._answer(result).data, status=self.endpoint.status)

    def page(
        self,
        found: QuerySet[Any] | Sequence[Any],
        *,
        read: Callable[[Any], Any] = lambda row: row,
    ) -> Response:
        """A page: of rows, the newest first; of a list, in its order. `read` as for `do_once`."""
        of, limit, after = (
            self._list(self.request),
            self.asked["limit"],
            self.asked.get("cursor"),
        )
        if isinstance(found, QuerySet):
            rows, following = newest_first(found, self.request, of=of, limit=limit, after=after)
        else:
            rows, following = in_order(found, of=of, limit=limit, after=after)
        data = self._answer([read(row) for row in rows], many=True).data
        return Response({"data": data, "next": following})

    def do(self, operation: Callable[..., Result], **about: Any) -> Result:
        """An operation: here, by whoever is asking, now."""
        return operation(organization=self.visit.organization, by=self.actor, now=self.now, **about)

    def do_once(
        self,
        operation: Callable[..., Result],
        *,
        read: Callable[[Result], Any] = lambda made: made,
        **about: Any,
    ) -> Response:
        """An operation, once for its Idempotency-Key (R17), and its answer.

        `read` finds what the answer shows. The answer is what was kept, not what is true a moment
        later.
        """
        kept: dict[str, Any] = {}

        def render(made: Result) -> dict[str, Any]:
            kept.update(self._answer(read(made)).data)
            return kept

        once = Once.of(
            key=self.request.headers.get("Idempotency-Key", ""),
            request=(self.request.path, self.request.data),
            render=render,
            status=self.endpoint.status,
        )
        self.do(operation, once=once, **about)
        return Response(kept, status=self.endpoint.status)

    def _list(self, request: Request) -> str:
        """What a cursor belongs to: this list, of this organization."""
        return f"{self.visit.organization.public_id} {request.path}"

    def _answer(self, result: Any, **how: Any) -> BaseSerializer[Any]:
        assert self.endpoint.answer, "this method answers nothing"
        return self.endpoint.answer(result, **how)

    def _endpoint(self, request: Request) -> Endpoint:
        method = getattr(self, (request.method or "").lower(), None)
        found = getattr(method, "endpoint", None)
        if not isinstance(found, Endpoint):
            raise MethodNotAllowed(request.method or "")
        return found


class UnknownPath(APIView):
    """Where no route leads: a problem document as well, not a page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address.")


def no_content() -> Response:
    """Done, and nothing to show for it."""
    return Response(status=HTTPStatus.NO_CONTENT)


def _user(request: Request) -> User:
    assert isinstance(request.user, User), "only people with a session or a key get this far"
    return request.user


def _organization_id(request: Request) -> str:
    """A key's organization; in a browser the one that is named, else the first by name."""
    if isinstance(request.auth, ApiKey):
        return request.auth.organization.public_id
    named = request.headers.get("X-Organization")
    if named is not None:
        return named
    first = memberships_of(_user(request)).first()
    if first is None:
        raise NotFound("You are not a member of any organization.")
    return first.organization.public_id


def _said_once(query: QueryDict) -> dict[str, str]:
    twice = [name for name, values in query.lists() if len(values) > 1]
    if twice:
        raise ValidationError({name: ["Only one value can be given."] for name in twice})
    return {name: str(value) for name, value in query.items()}


def _valid(shape: type[StrictSerializer], data: Any, **context: Any) -> dict[str, Any]:
    checked = shape(data=data, context=context)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
