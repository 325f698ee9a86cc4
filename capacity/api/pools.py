"""Pools."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.operations.pools import create_pool
from capacity.queries.pools import pools
from capacity.serializers.catalogue import ModelQuery
from capacity.serializers.pools import PoolRequestSerializer, PoolSerializer


class Pools(OrganizationView):
    @endpoint(
        "list_pools",
        permission=Permission.SCALE_TIER,
        query=ModelQuery,
        response=PoolSerializer,
    )
    def get(self, request: Request) -> Response:
        """Pools: named shares of the units of a model."""
        return self.page(pools(self.access.organization, model=self.query.get("model")))

    @endpoint(
        "make_pool",
        permission=Permission.BUY,
        body=PoolRequestSerializer,
        response=PoolSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make a pool of a model, without units. Purchases can name it."""
        return self.respond(create_pool(**self.caller, **self.body))
