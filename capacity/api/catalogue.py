"""Models, their units and prices."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from accounts.serializers.paging import PageQuery
from capacity.queries.catalogue import listing, listings
from capacity.serializers.catalogue import ModelSerializer


class Models(OrganizationView):
    @endpoint(
        "list_models",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        answer=ModelSerializer,
    )
    def get(self, request: Request) -> Response:
        """What can be bought, at today's list prices, by provider and name."""
        return self.page(listings(organization=self.visit.organization, on=self.now.date()))


class Model(OrganizationView):
    @endpoint("read_model", permission=Permission.SCALE_TIER, answer=ModelSerializer)
    def get(self, request: Request, model: str) -> Response:
        """One model snapshot, at today's list prices."""
        return self.answer(
            listing(organization=self.visit.organization, model=model, on=self.now.date())
        )
