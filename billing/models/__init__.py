from billing.models.account import Account
from billing.models.charge import Charge, ChargeType
from billing.models.invoice import (
    OVERDUE_AFTER,
    Invoice,
    InvoiceLine,
    Settlement,
    SettlementStatus,
)
from billing.models.order_form import ModelDiscount, OrderForm
from billing.models.provider import (
    Dispatch,
    DispatchStatus,
    ProviderCustomer,
    ProviderEvent,
)

__all__ = [
    "OVERDUE_AFTER",
    "Account",
    "Charge",
    "ChargeType",
    "Dispatch",
    "DispatchStatus",
    "Invoice",
    "InvoiceLine",
    "ModelDiscount",
    "OrderForm",
    "ProviderCustomer",
    "ProviderEvent",
    "Settlement",
    "SettlementStatus",
]
