"""Forms about units, plans, quote requests, approvals and clocks."""

from capacity.forms.planner import ReplayForm
from capacity.forms.quote_requests import QuoteRequestForm, TrafficForm
from capacity.forms.units import (
    CancellationForm,
    ClockForm,
    DeclineForm,
    KindField,
    PurchaseForm,
    PurchaserLimitForm,
    ThresholdForm,
    posted_amount,
)

__all__ = [
    "CancellationForm",
    "ClockForm",
    "DeclineForm",
    "KindField",
    "PurchaseForm",
    "PurchaserLimitForm",
    "QuoteRequestForm",
    "ReplayForm",
    "ThresholdForm",
    "TrafficForm",
    "posted_amount",
]
