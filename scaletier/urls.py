"""Every route of the product."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from capacity.views.invariants import invariants
from common.api.views import UnknownPath
from scaletier.desk import sections  # noqa: F401 - it arranges the operator's pages
from scaletier.desk.views import customer_page, desk, search_page

handler400 = "scaletier.error_pages.bad_request"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("capacity.urls")),
    path("", include("capacity.usage.urls")),
    path("", include("capacity.gateway.urls")),
    path("api/v1/", include("scaletier.api_urls")),
    re_path("^api/", UnknownPath.as_view()),
    # A user's address comes from their invitation; allauth's page would let them claim any other.
    path("accounts/email/", RedirectView.as_view(pattern_name="account_change_password")),
    path("accounts/", include("allauth.urls")),
    path("operator/invariants/", invariants, name="invariants"),
    # Django's own page would change a password without an entry in the audit log.
    path("operator/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("operator/search/", search_page, name="operator_search"),
    path("operator/customers/<slug:organization_id>/", customer_page, name="customer"),
    path("operator/", desk, name="desk"),
    path("operator/", admin.site.urls),
]

handler400 = "common.api.views.bad_request"
handler500 = "common.api.views.server_error"
