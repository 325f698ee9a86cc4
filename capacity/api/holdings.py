"""Transactions, capacity active now, and pools."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.paging import PageQuery
from capacity.operations.pools import create_pool
from capacity.queries import holdings
from capacity.serializers.holdings import (
    HoldingSerializer,
    OfModelQuery,
    PoolRequestSerializer,
    PoolSerializer,
    TransactionSerializer,
)


class Transactions(OrganizationView):
    @endpoint(
        "list_transactions",
        permission=Permission.SCALE_TIER,
        query=OfModelQuery,
        answer=TransactionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Every purchase, cancellation, undo and expiry."""
        return self.page(
            holdings.transactions(self.visit.organization, model=self.asked.get("model"))
        )


class Capacity(OrganizationView):
    @endpoint(
        "list_capacity",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        answer=HoldingSerializer,
    )
    def get(self, request: Request) -> Response:
        """Units and tokens per minute active now, by model, pool and kind."""
        return self.page(holdings.capacity_now(self.visit.organization))


class Pools(OrganizationView):
    @endpoint(
        "list_pools",
        permission=Permission.SCALE_TIER,
        query=OfModelQuery,
        answer=PoolSerializer,
    )
    def get(self, request: Request) -> Response:
        """Allocations of a model's capacity, which requests can name."""
        return self.page(holdings.pools(self.visit.organization, model=self.asked.get("model")))

    @endpoint(
        "make_pool",
        permission=Permission.BUY,
        body=PoolRequestSerializer,
        answer=PoolSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make a further pool of a model; purchases can name it. It starts empty."""
        return self.answer(self.do(create_pool, **self.sent))
