"""Routes of the gateway's requests under `/api/v1/`."""

from django.urls import path

from capacity.gateway.api.requests import GatewayRequestView

urlpatterns = [
    path("gateway/requests/<slug:gateway_request_id>", GatewayRequestView.as_view()),
]
