"""Pages about usage."""

from django.urls import path

from capacity.usage.views import usage

USAGE = "organizations/<slug:organization_id>/settings/usage"

urlpatterns = [
    path(f"{USAGE}/", usage.usage_page, name="usage"),
    path(f"{USAGE}/usage.csv", usage.usage_csv, name="usage_csv"),
]
