"""Spend limits (R10), the alerts that they raised, and what was posted on each day."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.models import Organization, Project
from common.ids import PublicIdField

DEFAULT_ALERTS = (50, 80, 100)
MAX_ALERT_PERCENT = 1000
MAX_ALERTS = 20
ALERT_VALIDATORS = [MinValueValidator(1), MaxValueValidator(MAX_ALERT_PERCENT)]


def default_alerts() -> list[int]:
    """Return the percentages of a new limit at which it alerts (R10)."""
    return list(DEFAULT_ALERTS)


class SpendLimit(models.Model):
    """The limit of an organization, or of one of its projects, for each invoice period (R10).

    A hard limit refuses purchases and renewals past it; a soft one only alerts. Amounts are at
    standard rates (R9).
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    amount = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Minor units a period; empty: no limit."
    )
    is_hard = models.BooleanField(default=True)
    alerts = ArrayField(
        models.PositiveSmallIntegerField(validators=ALERT_VALIDATORS),
        default=default_alerts,
        blank=True,
        help_text="Percentages of the limit.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "project"],
                nulls_distinct=False,
                name="spend_limit_once",
            ),
        ]

    def __str__(self) -> str:
        return f"Spend limit of {self.project or self.organization}"


class SpendAlert(models.Model):
    """One threshold that spend reached in one period. It is told once (R10)."""

    public_id = PublicIdField(prefix="alert_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    period_start = models.DateField()
    percent = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    limit_amount = models.PositiveBigIntegerField(help_text="Minor units.")
    spent = models.PositiveBigIntegerField(help_text="Minor units, as R10 counts them.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "project", "period_start", "percent"],
                nulls_distinct=False,
                name="spend_alert_once",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class DailySpend(models.Model):
    """The sum of the charges of a project that were posted on a day, in minor units.

    A trigger of charges keeps it, so that limits need not read them.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    posted_on = models.DateField()
    amount = models.PositiveBigIntegerField(help_text="Minor units at list prices.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "posted_on", "project"], name="daily_spend_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.project} on {self.posted_on}"
