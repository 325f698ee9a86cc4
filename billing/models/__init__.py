from billing.models.account import Account
from billing.models.charge import Charge, ChargeType
from billing.models.order_form import ModelDiscount, OrderForm

__all__ = ["Account", "Charge", "ChargeType", "ModelDiscount", "OrderForm"]
