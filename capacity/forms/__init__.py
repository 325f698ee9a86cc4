"""Forms about units, quote requests and clocks."""

from capacity.forms.quote_requests import QuoteRequestForm
from capacity.forms.units import CancellationForm, ClockForm, KindField, PurchaseForm, units_field

__all__ = [
    "CancellationForm",
    "ClockForm",
    "KindField",
    "PurchaseForm",
    "QuoteRequestForm",
    "units_field",
]
