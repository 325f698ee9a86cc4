"""Pages about the gateway."""

from django.urls import path

from capacity.gateway.views import landing

USAGE = "organizations/<slug:organization_id>/settings/usage"

urlpatterns = [
    path(f"{USAGE}/landing/", landing.landing_page, name="landing"),
]
