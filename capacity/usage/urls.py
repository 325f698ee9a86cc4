"""Pages about usage."""

from django.urls import path

from capacity.usage.views import usage

USAGE = "organizations/<slug:organization_id>/settings/usage"
SCALE_TIER = "organizations/<slug:organization_id>/settings/scale-tier"

urlpatterns = [
    path(f"{USAGE}/", usage.usage_page, name="usage"),
    path(f"{SCALE_TIER}/usage-now/", usage.usage_now_page, name="usage_now"),
    path(f"{USAGE}/usage.csv", usage.usage_csv, name="usage_csv"),
]
