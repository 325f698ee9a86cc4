"""Pages about capacity. `organization_id` is what `visited` turns into a visit."""

from django.urls import path

from capacity.views import cancelling, clock, invoices, lot, model, purchasing, scale_tier

SETTINGS = "organizations/<slug:organization_id>/settings"
SCALE_TIER = f"{SETTINGS}/scale-tier"
INVOICES = f"{SETTINGS}/invoices"

urlpatterns = [
    path(f"{SCALE_TIER}/", scale_tier.scale_tier, name="scale_tier"),
    path(f"{SCALE_TIER}/purchasers/", scale_tier.add_purchaser, name="add_purchaser"),
    path(
        f"{SCALE_TIER}/purchasers/<str:user_id>/remove/",
        scale_tier.remove_purchaser,
        name="remove_purchaser",
    ),
    path(f"{SCALE_TIER}/add/", purchasing.add_capacity, name="add_capacity"),
    path(f"{SCALE_TIER}/add/summary/", purchasing.summary, name="purchase_summary"),
    path(f"{SCALE_TIER}/add/checkout/", purchasing.checkout, name="checkout"),
    path(f"{SCALE_TIER}/models/<str:model>/", model.model_page, name="model"),
    path(f"{SCALE_TIER}/lots/<str:lot_id>/", lot.lot_page, name="lot"),
    path(f"{SCALE_TIER}/lots/<str:lot_id>/cancel/", cancelling.cancel, name="cancel_units"),
    path(
        f"{SCALE_TIER}/lots/<str:lot_id>/cancel/quote/",
        cancelling.cancellation_quote,
        name="cancellation_quote",
    ),
    path(
        f"{SCALE_TIER}/cancellations/<str:cancellation_id>/undo/",
        cancelling.undo,
        name="undo_cancellation",
    ),
    path(f"{INVOICES}/", invoices.invoices_page, name="invoices"),
    path(f"{INVOICES}/<str:invoice_id>/", invoices.invoice_page, name="invoice"),
    path(f"{INVOICES}/<str:invoice_id>/charges.csv", invoices.charges_csv, name="invoice_charges"),
    path(
        f"{INVOICES}/<str:invoice_id>/lines/<str:line_key>/",
        invoices.line_page,
        name="invoice_line",
    ),
    path(f"{SETTINGS}/clock/", clock.move_clock, name="move_clock"),
]
