"""What organizations hold: pools, purchases and their lots."""

from datetime import date

from django.db import models
from django.db.models import F, Q

from accounts.ids import PublicIdField
from accounts.models import Organization, Project, User
from billing.domain.money import Money
from capacity.domain.terms import CancellationTerms, cancellation_terms
from capacity.models.catalogue import Kind, Snapshot


class Pool(models.Model):
    """An allocation of one snapshot's capacity; requests name it by its public id."""

    public_id = PublicIdField(prefix="pt_")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="pools")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="pools")
    name = models.CharField(max_length=120)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "snapshot", "name"], name="pool_name_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "snapshot"],
                condition=Q(is_default=True),
                name="pool_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Purchase(models.Model):
    """One checkout: a lot of each kind bought, all or nothing (R3)."""

    public_id = PublicIdField(prefix="pur_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="purchases"
    )
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    amount = models.PositiveBigIntegerField(help_text="Charged at once, list price, minor units.")
    currency = models.CharField(max_length=3)

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="purchase_newest_first")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def due(self) -> Money:
        return Money(self.amount, self.currency)


class Lot(models.Model):
    """The units of one kind that one purchase brought; what is cancelled, wholly or in part.

    `units` never changes; `active_units` only falls, as units expire. What was agreed on the day
    of purchase (TPM, price, dates) is kept here, whatever the catalogue says later (R6).
    """

    public_id = PublicIdField(prefix="lot_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="lots", db_index=False
    )
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="lots")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="lots")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    units = models.PositiveBigIntegerField()
    active_units = models.PositiveBigIntegerField()
    tpm_per_unit = models.PositiveBigIntegerField()
    price_per_day = models.PositiveBigIntegerField(help_text="Agreed list price, minor units.")
    currency = models.CharField(max_length=3)
    starts_on = models.DateField()
    first_term_ends_on = models.DateField()
    commitment_ends_on = models.DateField()
    charged_until = models.DateField(help_text="Every service day before this one is charged.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(units__gt=0, active_units__lte=F("units")),
                name="lot_active_units_within_units",
            ),
            models.CheckConstraint(
                condition=Q(
                    first_term_ends_on__gt=F("starts_on"),
                    commitment_ends_on__gt=F("starts_on"),
                    charged_until__gte=F("first_term_ends_on"),
                ),
                name="lot_dates_in_order",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "snapshot", "-id"], name="lot_newest_first"),
            # Without `charged_until`: a column in no index is updated in place, every day.
            models.Index(
                fields=["organization"],
                condition=Q(active_units__gt=0),
                name="lot_active",
            ),
            models.Index(
                fields=["snapshot", "kind"],
                condition=Q(active_units__gt=0),
                name="lot_held_of_supply",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def tpm(self) -> int:
        """Tokens per minute that the lot's active units bring."""
        return self.active_units * self.tpm_per_unit

    @property
    def daily_price(self) -> Money:
        """Agreed list price of one unit a service day."""
        return Money(self.price_per_day, self.currency)

    def terms_of_cancelling(self, units: int, *, on: date) -> CancellationTerms:
        """What cancelling `units` on the service day `on` means (R5)."""
        return cancellation_terms(
            units=units,
            on=on,
            charged_until=self.charged_until,
            commitment_ends_on=self.commitment_ends_on,
            price_per_day=self.price_per_day,
        )
