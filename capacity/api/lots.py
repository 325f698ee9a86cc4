"""Lots."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from capacity.queries.lots import find_lot, lots
from capacity.serializers.lots import LotQuery, LotSerializer


class Lots(OrganizationView):
    @endpoint(
        "list_lots",
        permission=Permission.SCALE_TIER,
        query=LotQuery,
        response=LotSerializer,
    )
    def get(self, request: Request) -> Response:
        """All lots, with the number of units that are active now."""
        return self.page(
            lots(
                self.access.organization,
                model=self.query.get("model"),
                status=self.query.get("status"),
                project=self.query.get("project"),
            )
        )


class Lot(OrganizationView):
    @endpoint("read_lot", permission=Permission.SCALE_TIER, response=LotSerializer)
    def get(self, request: Request, lot_id: str) -> Response:
        """One lot as it is now."""
        return self.respond(find_lot(self.access.organization, lot_id))
