from billing.models.billing_accounts import BillingAccount
from billing.models.billing_details import BillingDetails, CustomerSync
from billing.models.charges import Charge, ChargeType
from billing.models.invoice_syncs import InvoiceSync, SyncStatus
from billing.models.invoices import Invoice, InvoiceLine, InvoiceStatus
from billing.models.limits import DailySpend, SpendAlert, SpendLimit
from billing.models.order_forms import ModelDiscount, OrderForm, OrderFormTermination
from billing.models.payments import OVERDUE_AFTER, InvoicePayment, PaymentStatus
from billing.models.provider import ProviderCustomer, ProviderEvent

__all__ = [
    "OVERDUE_AFTER",
    "BillingAccount",
    "BillingDetails",
    "Charge",
    "ChargeType",
    "CustomerSync",
    "DailySpend",
    "Invoice",
    "InvoiceLine",
    "InvoicePayment",
    "InvoiceStatus",
    "InvoiceSync",
    "ModelDiscount",
    "OrderForm",
    "OrderFormTermination",
    "PaymentStatus",
    "ProviderCustomer",
    "ProviderEvent",
    "SpendAlert",
    "SpendLimit",
    "SyncStatus",
]
