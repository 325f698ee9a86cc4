"""Authorized purchasers."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.operations.members import authorize_purchaser, withdraw_purchaser
from accounts.queries.members import purchasers
from accounts.serializers.members import PurchaserRequestSerializer, PurchaserSerializer
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
        return self.page(purchasers(self.access.organization))

    @endpoint(
        "authorize_purchaser",
        permission=Permission.MANAGE,
        body=PurchaserRequestSerializer,
        response=PurchaserSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Allow a member to buy and cancel units, from their next request on."""
        return self.respond(authorize_purchaser(**self.caller, email=self.body["email"]))


class Purchaser(OrganizationView):
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
