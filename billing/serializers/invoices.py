"""Invoices, as the API writes them."""

from rest_framework import serializers

from billing.domain.periods import Period
from billing.models import ChargeType
from billing.queries.invoices import Statement, StatementLine
from billing.serializers.billing_details import BillingDetailsSerializer
from billing.serializers.money import MoneyField
from common.api.fields import Day, DecimalText


class PeriodSerializer(serializers.Serializer[Period]):
    """`[start, end)`, UTC."""

    start = Day()
    end = Day(help_text="The first day of the next period.")


class InvoiceLineSerializer(serializers.Serializer[StatementLine]):
    """Charges alike in model, kind, type, price and discount."""

    model = serializers.CharField()
    kind = serializers.CharField()
    type = serializers.ChoiceField(choices=ChargeType.choices)
    price_per_day = MoneyField(help_text="List price of one unit a service day.")
    discount_percent = DecimalText()
    unit_days = serializers.IntegerField(help_text="Units x service days.")
    amount = MoneyField(help_text="At the list price.")
    discount = MoneyField()


INVOICE_STATUSES = ["open", "paid", "overdue", "void"]


class InvoiceSerializer(serializers.Serializer[Statement]):
    """Exactly the charges posted in its period. `total` is `subtotal` less `discount`."""

    id = serializers.CharField()
    number = serializers.IntegerField(help_text="1, 2, 3 … without a gap.")
    display_number = serializers.CharField(
        help_text="As people read and quote it, `NWL-0004`: unique in the installation."
    )
    status = serializers.ChoiceField(choices=INVOICE_STATUSES)
    period = PeriodSerializer()
    issued_on = Day()
    due_on = Day()
    subtotal = MoneyField()
    discount = MoneyField()
    total = MoneyField()
    billed_to = BillingDetailsSerializer(help_text="The billing details on the day of its issue.")
    lines = InvoiceLineSerializer(many=True)


class UpcomingInvoiceSerializer(InvoiceSerializer):
    """The present period so far. Its status is `open`, because more charges will be posted."""

    id = serializers.CharField(allow_null=True, help_text="Null: it is not issued yet.")
    number = serializers.IntegerField(allow_null=True)
    display_number = serializers.CharField(allow_null=True)
    billed_to = BillingDetailsSerializer(help_text="The present billing details.")
    issued_on = Day(help_text="When it will be issued: the end of the period.")
    projected_total = MoneyField(help_text="The total if nothing changes.")
