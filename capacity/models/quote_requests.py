"""Quote requests: the capacity that an owner asks for, before there is an order form (R23).

They are here and not beside the order forms in billing, because they name snapshots and units: the
catalogue is capacity's, and billing knows none. Capacity may refer to the order form that answers a
request; billing does not refer back.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Organization, User
from billing.domain.money import Money
from billing.models import OrderForm
from capacity.models.catalogue import Kind, Snapshot
from common.ids import PublicIdField

MAX_NOTE_LENGTH = 2000
MAX_REPLY_LENGTH = 500


class QuoteRequestStatus(models.TextChoices):
    OPEN = "open", "Open"
    ANSWERED = "answered", "Answered"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class QuoteRequest(models.Model):
    """A request for capacity, by expected TPM. An operator answers it once: a form, or a refusal.

    Until then an owner can withdraw it.

    The units and prices of its lines are those of the day of the request.
    """

    public_id = PublicIdField(prefix="qr_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="quote_requests"
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True, max_length=MAX_NOTE_LENGTH)
    status = models.CharField(
        max_length=10, choices=QuoteRequestStatus, default=QuoteRequestStatus.OPEN
    )
    order_form = models.OneToOneField(
        OrderForm, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reply = models.CharField(
        max_length=MAX_REPLY_LENGTH, blank=True, help_text="The operator's sentence."
    )
    replied_at = models.DateTimeField(null=True)
    replied_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["open", "withdrawn"], order_form=None, replied_at=None)
                | Q(status="answered", order_form__isnull=False, replied_at__isnull=False)
                | (Q(status="declined", order_form=None, replied_at__isnull=False) & ~Q(reply="")),
                name="quote_request_reply_fits_status",
            ),
            models.CheckConstraint(
                condition=Q(status="withdrawn", withdrawn_at__isnull=False)
                | (~Q(status="withdrawn") & Q(withdrawn_at=None, withdrawn_by=None)),
                name="quote_request_withdrawal_fits_status",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="quote_request_newest_first"),
            models.Index(fields=["id"], condition=Q(status="open"), name="quote_request_open"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_open(self) -> bool:
        return self.status == QuoteRequestStatus.OPEN

    @property
    def lines(self) -> "list[QuoteRequestLine]":
        """Return the lines of all models. `queries.quote_requests` fetches them all at once."""
        return [line for asked in self.requested_models.all() for line in asked.lines.all()]

    @property
    def per_day(self) -> Money | None:
        """Return the cost of a day at standard rates; None if a line has no price yet."""
        return total_per_day(self.lines)


class RequestedModel(models.Model):
    """A snapshot that is asked for, with the tokens per minute that are expected on it."""

    quote_request = models.ForeignKey(
        QuoteRequest, on_delete=models.CASCADE, related_name="requested_models"
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    input_tpm = models.PositiveBigIntegerField()
    output_tpm = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["quote_request", "snapshot"], name="quote_request_model_once"
            )
        ]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.snapshot}: {self.input_tpm:,} input and {self.output_tpm:,} output TPM"


class QuoteRequestLine(models.Model):
    """The units of one kind that the expected TPM need, at the list price of the day."""

    requested_model = models.ForeignKey(
        RequestedModel, on_delete=models.CASCADE, related_name="lines"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    units = models.PositiveBigIntegerField()
    tpm_per_unit = models.PositiveBigIntegerField()
    price_per_day = models.PositiveBigIntegerField(
        null=True, help_text="Minor units a unit and day, list price; empty: no price yet."
    )
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requested_model", "kind"], name="quote_request_line_once"
            )
        ]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.units} {self.kind}"

    @property
    def model(self) -> str:
        """Return the id of the snapshot."""
        return self.requested_model.snapshot.model

    @property
    def tpm(self) -> int:
        """Return the TPM of all units of the line."""
        return self.units * self.tpm_per_unit

    @property
    def price(self) -> Money | None:
        """Return the list price of one unit and day."""
        return None if self.price_per_day is None else Money(self.price_per_day, self.currency)

    @property
    def per_day(self) -> Money | None:
        """Return the cost of all units of the line a day."""
        return self.price and self.price * self.units


def total_per_day(lines: Sequence[QuoteRequestLine]) -> Money | None:
    """Return the cost of a day at standard rates; None if a line has no price yet."""
    amounts = [line.per_day for line in lines]
    if None in amounts:
        return None
    return sum(filter(None, amounts), start=Money(0, settings.CURRENCY))
