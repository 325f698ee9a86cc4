"""Prior transactions."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.transactions import transactions
from capacity.serializers.catalogue import ModelQuery
from capacity.serializers.transactions import TransactionSerializer


class Transactions(OrganizationView):
    @endpoint(
        "list_transactions",
        permission=Permission.SCALE_TIER,
        query=ModelQuery,
        response=TransactionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Every purchase, cancellation, undo and expiry."""
        return self.page(transactions(self.access.organization, model=self.query.get("model")))
