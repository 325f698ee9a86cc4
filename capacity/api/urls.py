"""Routes of capacity under `/api/v1/`."""

from django.urls import path, re_path

from capacity.api.active_capacity import Capacity
from capacity.api.approvals import Approval, Approve, Decline
from capacity.api.cancellations import CancellationQuote, Cancellations, LotCancellations, Undo
from capacity.api.catalogue import Model, Models
from capacity.api.clock import AdvanceClock
from capacity.api.lots import Lot, Lots
from capacity.api.pools import Pools
from capacity.api.purchase_requests import PurchaseRequest, PurchaseRequests, Withdraw
from capacity.api.purchasers import Purchaser, Purchasers
from capacity.api.purchases import Purchase, Purchases
from capacity.api.quote_requests import QuoteRequests, WithdrawQuoteRequest
from capacity.api.quotes import Quotes
from capacity.api.timeline import Timeline
from capacity.api.transactions import Transactions

urlpatterns = [
    path("approval", Approval.as_view()),
    path("cancellations", Cancellations.as_view()),
    path("cancellations/<slug:cancellation_id>/undo", Undo.as_view()),
    path("capacity", Capacity.as_view()),
    path("clock/advance", AdvanceClock.as_view()),
    path("lots", Lots.as_view()),
    path("lots/<slug:lot_id>", Lot.as_view()),
    path("lots/<slug:lot_id>/cancellations", LotCancellations.as_view()),
    path("lots/<slug:lot_id>/cancellations/quote", CancellationQuote.as_view()),
    path("models", Models.as_view()),
    re_path(r"^models/(?P<model>[A-Za-z0-9._:-]+)$", Model.as_view()),
    path("pools", Pools.as_view()),
    path("purchase-requests", PurchaseRequests.as_view()),
    path("purchase-requests/<slug:request_id>", PurchaseRequest.as_view()),
    path("purchase-requests/<slug:request_id>/approve", Approve.as_view()),
    path("purchase-requests/<slug:request_id>/decline", Decline.as_view()),
    path("purchase-requests/<slug:request_id>/withdraw", Withdraw.as_view()),
    path("purchasers", Purchasers.as_view()),
    path("purchasers/<slug:user_id>", Purchaser.as_view()),
    path("purchases", Purchases.as_view()),
    path("purchases/<slug:purchase_id>", Purchase.as_view()),
    path("quote-requests", QuoteRequests.as_view()),
    path("quote-requests/<slug:quote_request_id>/withdraw", WithdrawQuoteRequest.as_view()),
    path("quotes", Quotes.as_view()),
    path("timeline", Timeline.as_view()),
    path("transactions", Transactions.as_view()),
]
