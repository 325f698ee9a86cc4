"""Pages about capacity.

`permission_required` turns `organization_id` into an access context.
"""

from django.urls import path

from capacity.views import (
    approvals,
    cancellations,
    catalogue,
    clock,
    lots,
    planner,
    projects,
    purchase_requests,
    purchasers,
    purchases,
    quote_requests,
    scale_tier,
    timeline,
)

SETTINGS = "organizations/<slug:organization_id>/settings"
SCALE_TIER = f"{SETTINGS}/scale-tier"
REQUESTS = f"{SETTINGS}/purchase-requests"
ORDER_FORM = f"{SETTINGS}/order-form"
PLAN = f"{SETTINGS}/plan-capacity"

urlpatterns = [
    path(f"{SCALE_TIER}/", scale_tier.scale_tier, name="scale_tier"),
    path(f"{SCALE_TIER}/purchasers/", scale_tier.add_purchaser, name="add_purchaser"),
    path(
        f"{SCALE_TIER}/purchasers/<str:user_id>/limit/",
        purchasers.set_limit,
        name="set_purchaser_limit",
    ),
    path(
        f"{SCALE_TIER}/purchasers/<str:user_id>/remove/",
        scale_tier.remove_purchaser,
        name="remove_purchaser",
    ),
    path(f"{SCALE_TIER}/add/", purchases.add_capacity, name="add_capacity"),
    path(f"{SCALE_TIER}/add/summary/", purchases.summary, name="purchase_summary"),
    path(f"{SCALE_TIER}/add/recommended/", purchases.recommended_units, name="recommended_units"),
    path(f"{SCALE_TIER}/add/checkout/", purchases.checkout, name="checkout"),
    path(
        f"{SCALE_TIER}/add/checkout/timeline/",
        purchases.purchase_timeline,
        name="purchase_timeline",
    ),
    path(f"{SCALE_TIER}/timeline/", timeline.timeline_page, name="timeline"),
    path(f"{SCALE_TIER}/models/<str:model>/", catalogue.model_page, name="model"),
    path(f"{SCALE_TIER}/models/<str:model>/lots.csv", catalogue.lots_csv, name="lots_csv"),
    path(
        f"{SCALE_TIER}/models/<str:model>/transactions.csv",
        catalogue.transactions_csv,
        name="transactions_csv",
    ),
    path(
        f"{SCALE_TIER}/models/<str:model>/timeline/",
        timeline.model_timeline,
        name="model_timeline",
    ),
    path(f"{SCALE_TIER}/lots/<str:lot_id>/", lots.lot_page, name="lot"),
    path(f"{SCALE_TIER}/lots/<str:lot_id>/cancel/", cancellations.cancel, name="cancel_units"),
    path(
        f"{SCALE_TIER}/lots/<str:lot_id>/cancel/quote/",
        cancellations.cancellation_quote,
        name="cancellation_quote",
    ),
    path(
        f"{SCALE_TIER}/lots/<str:lot_id>/cancel/timeline/",
        cancellations.cancellation_timeline,
        name="cancellation_timeline",
    ),
    path(
        f"{SCALE_TIER}/cancellations/<str:cancellation_id>/undo/",
        cancellations.undo,
        name="undo_cancellation",
    ),
    path(f"{PLAN}/", planner.plan_capacity, name="plan_capacity"),
    path(f"{PLAN}/needs/", planner.plan_needs, name="plan_needs"),
    path(f"{PLAN}/replay/", planner.plan_replay, name="plan_replay"),
    path(f"{REQUESTS}/", purchase_requests.requests_page, name="purchase_requests"),
    path(f"{REQUESTS}/threshold/", purchase_requests.set_threshold, name="set_threshold"),
    path(f"{REQUESTS}/<str:request_id>/approve/", approvals.approve, name="approve_request"),
    path(
        f"{REQUESTS}/<str:request_id>/approve/timeline/",
        approvals.approval_timeline,
        name="approval_timeline",
    ),
    path(f"{REQUESTS}/<str:request_id>/decline/", approvals.decline, name="decline_request"),
    path(
        f"{REQUESTS}/<str:request_id>/withdraw/",
        purchase_requests.withdraw,
        name="withdraw_request",
    ),
    path(f"{SETTINGS}/projects/", projects.projects_page, name="projects"),
    path(
        f"{SETTINGS}/projects/<str:project_id>/rename/",
        projects.rename_project,
        name="rename_project",
    ),
    path(
        f"{SETTINGS}/projects/<str:project_id>/archive/",
        projects.archive_project,
        name="archive_project",
    ),
    path(
        f"{SETTINGS}/projects/<str:project_id>/restore/",
        projects.restore_project,
        name="restore_project",
    ),
    path(f"{ORDER_FORM}/", quote_requests.order_form_page, name="order_form"),
    path(f"{ORDER_FORM}/requests/", quote_requests.ask, name="request_quote"),
    path(
        f"{ORDER_FORM}/requests/summary/",
        quote_requests.request_summary,
        name="quote_request_summary",
    ),
    path(
        f"{ORDER_FORM}/requests/<str:quote_request_id>/withdraw/",
        quote_requests.withdraw_quote,
        name="withdraw_quote",
    ),
    path(f"{ORDER_FORM}/requests/models/", quote_requests.change_models, name="change_models"),
    path(f"{SETTINGS}/clock/", clock.move_clock, name="move_clock"),
]
