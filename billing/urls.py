"""Pages about money, and the provider's webhook.

`permission_required` turns `organization_id` into an access context.
"""

from django.urls import path

from billing.views import billing_details, forecast, invoices, limits, order_forms
from billing.webhooks import stripe_webhook

INVOICES = "organizations/<slug:organization_id>/settings/invoices"
BILLING_DETAILS = "organizations/<slug:organization_id>/settings/billing-details/"
FORECAST = "organizations/<slug:organization_id>/settings/forecast/"
ORDER_FORMS = "organizations/<slug:organization_id>/settings/order-form/forms"
LIMITS = "organizations/<slug:organization_id>/settings/limits"

urlpatterns = [
    path(f"{INVOICES}/", invoices.invoices_page, name="invoices"),
    path(f"{INVOICES}/issued.csv", invoices.invoices_csv, name="invoices_csv"),
    path(f"{INVOICES}/<str:invoice_id>/", invoices.invoice_page, name="invoice"),
    path(f"{INVOICES}/<str:invoice_id>/invoice.pdf", invoices.invoice_pdf, name="invoice_pdf"),
    path(f"{INVOICES}/<str:invoice_id>/charges.csv", invoices.charges_csv, name="invoice_charges"),
    path(
        f"{INVOICES}/<str:invoice_id>/lines/<str:line_key>/",
        invoices.line_page,
        name="invoice_line",
    ),
    path(BILLING_DETAILS, billing_details.billing_details_page, name="billing_details"),
    path(FORECAST, forecast.forecast_page, name="forecast"),
    path(f"{LIMITS}/", limits.limits_page, name="limits"),
    path(f"{LIMITS}/<str:limit_id>/", limits.set_limit, name="set_limit"),
    path(f"{ORDER_FORMS}/<str:form_id>/", order_forms.read_order_form, name="read_order_form"),
    path(f"{ORDER_FORMS}/<str:form_id>/sign/", order_forms.sign, name="sign_order_form"),
    path("webhooks/stripe", stripe_webhook, name="stripe_webhook"),
]
