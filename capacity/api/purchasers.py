"""Authorized purchasers, and their limits (R21)."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.operations.members import authorize_purchaser, withdraw_purchaser
from capacity.operations.purchasers import set_purchaser_limit
from capacity.queries.purchasers import find_purchaser, purchaser_of, purchasers_with_limits
from capacity.serializers.purchasers import (
    PurchaserLimitRequestSerializer,
    PurchaserRequestSerializer,
    PurchaserSerializer,
)
from common.api.pagination import PageQuery
from common.api.views import no_content


class Purchasers(OrganizationView):
    @endpoint(
        "list_purchasers",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=PurchaserSerializer,
    )
    def get(self, request: Request) -> Response:
        """Members whom an owner allowed to buy and cancel units."""
        return self.page(purchasers_with_limits(self.access.organization), read=purchaser_of)

    @endpoint(
        "authorize_purchaser",
        permission=Permission.MANAGE,
        body=PurchaserRequestSerializer,
        response=PurchaserSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Allow a member to buy and cancel units, from their next request on."""
        membership = authorize_purchaser(**self.caller, email=self.body["email"])
        return self.respond(find_purchaser(self.access.organization, membership.user.public_id))


class Purchaser(OrganizationView):
    @endpoint(
        "set_purchaser_limit",
        permission=Permission.MANAGE,
        body=PurchaserLimitRequestSerializer,
        response=PurchaserSerializer,
    )
    def put(self, request: Request, user_id: str) -> Response:
        """Set the most that one purchase of this person may cost per day, at standard rates."""
        return self.respond(
            set_purchaser_limit(**self.caller, user_id=user_id, limit=self.body["limit_per_day"])
        )

    @endpoint(
        "withdraw_purchaser",
        permission=Permission.MANAGE,
        response=None,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(self, request: Request, user_id: str) -> Response:
        """Withdraw an authorization. The person stays a member; their next request is refused."""
        withdraw_purchaser(**self.caller, user_id=user_id)
        return no_content()
