"""The forecast: the invoices to come."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.queries.forecast import forecast
from billing.serializers.forecast import ForecastSerializer


class Forecast(OrganizationView):
    @endpoint("read_forecast", permission=Permission.SCALE_TIER, response=ForecastSerializer)
    def get(self, request: Request) -> Response:
        """The invoices of the present period and the three after it, to the cent."""
        periods = forecast(self.access.organization, on=self.now.date())
        return self.respond({"periods": periods})
