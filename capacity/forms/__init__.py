"""Forms about units, quote requests, approvals and clocks."""

from capacity.forms.quote_requests import QuoteRequestForm
from capacity.forms.units import (
    CancellationForm,
    ClockForm,
    DeclineForm,
    PurchaseForm,
    PurchaserLimitForm,
    ThresholdForm,
    posted_amount,
)

__all__ = [
    "CancellationForm",
    "ClockForm",
    "DeclineForm",
    "PurchaseForm",
    "PurchaserLimitForm",
    "QuoteRequestForm",
    "ThresholdForm",
    "posted_amount",
]
