"""Routes of billing under `/api/v1/`."""

from django.urls import path

from billing.api.billing_details import BillingDetails
from billing.api.charges import Charges
from billing.api.forecast import Forecast
from billing.api.invoices import Invoice, Invoices, UpcomingInvoice
from billing.api.limits import Limits, OrganizationLimit, ProjectLimit
from billing.api.order_forms import OrderForms, OrderFormSignature

urlpatterns = [
    path("billing-details", BillingDetails.as_view()),
    path("charges", Charges.as_view()),
    path("forecast", Forecast.as_view()),
    path("invoices", Invoices.as_view()),
    path("invoices/upcoming", UpcomingInvoice.as_view()),
    path("invoices/<slug:invoice_id>", Invoice.as_view()),
    path("limits", Limits.as_view()),
    path("limits/organization", OrganizationLimit.as_view()),
    path("limits/projects/<slug:project_id>", ProjectLimit.as_view()),
    path("order-forms", OrderForms.as_view()),
    path("order-forms/<slug:form_id>/sign", OrderFormSignature.as_view()),
]
