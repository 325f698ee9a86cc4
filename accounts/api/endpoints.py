"""`@endpoint`: everything that is true of one method of one route, said where it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from accounts.access import Permission
from accounts.api.schema import Document, Handler, documented, page_of
from accounts.serializers.fields import StrictSerializer
from accounts.serializers.paging import PageQuery


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who may, what is asked, how it is answered: read by `OrganizationView` at every request."""

    permission: Permission
    query: type[StrictSerializer]
    body: type[StrictSerializer] | None
    answer: Document | None
    status: HTTPStatus


def endpoint(
    operation_id: str,
    *,
    permission: Permission,
    answer: Document | None,
    query: type[StrictSerializer] = StrictSerializer,
    body: type[StrictSerializer] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    once: bool = False,
    refuses: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a view's method. Without it, a view has no such method.

    `query` and `body` are all that may be sent; `once` asks for an Idempotency-Key (R17), and like
    `refuses` says that a rule may refuse it. A query that is a PageQuery makes the answer a page of
    `answer`.
    """
    about = Endpoint(permission, query, body, answer, status)
    shape: Any = page_of(answer) if answer and issubclass(query, PageQuery) else answer

    def declare(method: Handler) -> Handler:
        method.endpoint = about  # type: ignore[attr-defined]
        describe = documented(
            operation_id,
            answer=shape,
            status=status,
            query=query,
            body=body,
            once=once,
            refuses=once or refuses,
        )
        return describe(method)

    return declare
