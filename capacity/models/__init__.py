from capacity.models.account_plans import AccountPlan
from capacity.models.cancellations import Cancellation, CancellationStatus
from capacity.models.catalogue import Kind, ListPrice, PayAsYouGoPrice, Snapshot, TokenUnit
from capacity.models.gateway_requests import GatewayRequest, GatewayRequestStatus
from capacity.models.lots import Expiry, ExpiryReason, Lot
from capacity.models.pools import Pool
from capacity.models.purchase_requests import (
    ApprovalThreshold,
    PurchaseRequest,
    PurchaseRequestStatus,
)
from capacity.models.purchasers import PurchaserLimit
from capacity.models.purchases import Purchase
from capacity.models.quote_requests import (
    QuoteRequest,
    QuoteRequestLine,
    QuoteRequestStatus,
    RequestedModel,
)
from capacity.models.transactions import Transaction, TransactionType

__all__ = [
    "AccountPlan",
    "ApprovalThreshold",
    "Cancellation",
    "CancellationStatus",
    "Expiry",
    "ExpiryReason",
    "GatewayRequest",
    "GatewayRequestStatus",
    "Kind",
    "ListPrice",
    "Lot",
    "PayAsYouGoPrice",
    "Pool",
    "Purchase",
    "PurchaseRequest",
    "PurchaseRequestStatus",
    "PurchaserLimit",
    "QuoteRequest",
    "QuoteRequestLine",
    "QuoteRequestStatus",
    "RequestedModel",
    "Snapshot",
    "TokenUnit",
    "Transaction",
    "TransactionType",
]
