from capacity.models.catalogue import Kind, ListPrice, Snapshot, TokenUnit
from capacity.models.endings import Cancellation, CancellationStatus, Expiry, ExpiryReason
from capacity.models.holdings import Lot, Pool, Purchase
from capacity.models.transaction import Transaction, TransactionType

__all__ = [
    "Cancellation",
    "CancellationStatus",
    "Expiry",
    "ExpiryReason",
    "Kind",
    "ListPrice",
    "Lot",
    "Pool",
    "Purchase",
    "Snapshot",
    "TokenUnit",
    "Transaction",
    "TransactionType",
]
