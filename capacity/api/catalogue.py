"""Models, their units and prices."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.catalogue import find_listing, listings
from capacity.serializers.catalogue import ModelSerializer
from common.api.pagination import PageQuery


class Models(OrganizationView):
    @endpoint(
        "list_models",
        permission=Permission.SCALE_TIER,
        query=PageQuery,
        response=ModelSerializer,
    )
    def get(self, request: Request) -> Response:
        """All models with today's list prices, by provider and name."""
        return self.page(listings(organization=self.access.organization, on=self.now.date()))


class Model(OrganizationView):
    @endpoint("read_model", permission=Permission.SCALE_TIER, response=ModelSerializer)
    def get(self, request: Request, model: str) -> Response:
        """One model snapshot, at today's list prices."""
        return self.respond(
            find_listing(organization=self.access.organization, model=model, on=self.now.date())
        )
