"""Pages about usage."""

from django.urls import path

from capacity.usage.views import alerts, showback, usage, windows

USAGE = "organizations/<slug:organization_id>/settings/usage"
SHOWBACK = "organizations/<slug:organization_id>/settings/showback"
SCALE_TIER = "organizations/<slug:organization_id>/settings/scale-tier"

urlpatterns = [
    path(f"{USAGE}/", usage.usage_page, name="usage"),
    path(f"{SCALE_TIER}/usage-now/", usage.usage_now_page, name="usage_now"),
    path(f"{SCALE_TIER}/callouts/", alerts.callouts_page, name="usage_callouts"),
    path(f"{USAGE}/alerts/", alerts.alerts_page, name="usage_alerts"),
    path(f"{USAGE}/alerts/rules/", alerts.set_alerts, name="set_usage_alerts"),
    path(f"{USAGE}/alerts/emails/", alerts.set_mails, name="set_usage_mails"),
    path("emails/usage/<str:token>/off/", alerts.turn_off_mail, name="turn_off_usage_mail"),
    path(
        f"{USAGE}/windows/<str:pool_id>/<str:start>/<str:kind>/",
        windows.window_page,
        name="usage_window",
    ),
    path(f"{USAGE}/usage.csv", usage.usage_csv, name="usage_csv"),
    path(f"{USAGE}/exhausted.csv", usage.exhausted_csv, name="exhausted_csv"),
    path(f"{SHOWBACK}/", showback.showback_page, name="showback"),
    path(f"{SHOWBACK}/showback.csv", showback.showback_csv, name="showback_csv"),
]
