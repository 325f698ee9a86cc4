"""`@endpoint` declares the permission, query, body and response of one method of a view."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from accounts.access import Permission
from common.api.fields import StrictSerializer
from common.api.pagination import PageQuery
from common.api.schema import Document, Handler, Idempotent, documented, page_of


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The declaration of one method. `OrganizationView` reads it."""

    permission: Permission
    query: type[StrictSerializer]
    body: type[StrictSerializer] | None
    response: Document | None
    status: HTTPStatus
    accepted: Document | None = None


def endpoint(
    operation_id: str,
    *,
    permission: Permission,
    response: Document | None,
    query: type[StrictSerializer] = StrictSerializer,
    body: type[StrictSerializer] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    idempotent: Idempotent = False,
    accepted: Document | None = None,
    refuses: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a method of a view. A method without a declaration answers 405.

    A request may have no other fields than those of `query` and `body`. `idempotent` requires an
    Idempotency-Key (R17), or takes an optional one. `accepted` is the response with status 202 to a
    request that somebody else has to approve. `idempotent` and `refuses` document that a rule may
    refuse the request with 409. If `query` is a PageQuery, the response is a page of `response`.
    """
    declaration = Endpoint(permission, query, body, response, status, accepted)
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
            accepted=accepted,
            refuses=bool(idempotent) or refuses,
        )
        return describe(method)

    return declare
