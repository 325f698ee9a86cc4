"""`@endpoint`: everything that is true of one method of one route, declared where it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from accounts.access import Permission
from common.api.fields import StrictSerializer
from common.api.pagination import PageQuery
from common.api.schema import Document, Handler, documented, page_of


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who may call it, its query and body, its response: `OrganizationView` reads it."""

    permission: Permission
    query: type[StrictSerializer]
    body: type[StrictSerializer] | None
    response: Document | None
    status: HTTPStatus


def endpoint(
    operation_id: str,
    *,
    permission: Permission,
    response: Document | None,
    query: type[StrictSerializer] = StrictSerializer,
    body: type[StrictSerializer] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    idempotent: bool = False,
    refuses: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a view's method. Without it, a view has no such method.

    `query` and `body` are all that may be sent; `idempotent` requires an Idempotency-Key (R17),
    and like `refuses` documents that a rule may refuse the request. A query that is a PageQuery
    makes the response a page of `response`.
    """
    declaration = Endpoint(permission, query, body, response, status)
    is_list = response and issubclass(query, PageQuery)
    document: Any = page_of(response) if response and is_list else response

    def declare(method: Handler) -> Handler:
        method.endpoint = declaration  # type: ignore[attr-defined]
        describe = documented(
            operation_id,
            response=document,
            status=status,
            query=query,
            body=body,
            idempotent=idempotent,
            refuses=idempotent or refuses,
        )
        return describe(method)

    return declare
