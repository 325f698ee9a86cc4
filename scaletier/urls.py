"""Every route of the product."""

from django.contrib import admin
from django.urls import include, path

from capacity.views.invariants import invariants

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("capacity.urls")),
    path("api/v1/", include("scaletier.api_urls")),
    path("accounts/", include("allauth.urls")),
    path("operator/invariants/", invariants, name="invariants"),
    path("operator/", admin.site.urls),
]
