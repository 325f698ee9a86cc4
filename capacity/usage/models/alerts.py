"""What an organization wants to be alerted of, the alerts, and who wants no mail about usage."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Organization, User
from capacity.models import Kind, Snapshot
from capacity.usage.domain.windows import WINDOWS_OF_DAY

DEFAULT_RUN = 4
"""Windows in a row of the rule about utilisation, unless the owners choose another number."""

MAX_PERCENT, MAX_IDLE_DAYS = 99, 30


class AlertRule(models.TextChoices):
    UTILISATION = "utilisation", "Utilisation"
    EXHAUSTED = "exhausted", "Exhausted windows"
    IDLE = "idle", "Idle units"


class UsageMail(models.TextChoices):
    """The emails about usage, which each owner can turn off. The values are kinds of emails."""

    SUMMARY = "usage_summary", "Weekly summary"
    ALERTS = "usage_alerts", "Alerts"


class UsageAlertSettings(models.Model):
    """The rules that the owners chose, and up to when it has been found what they are met by.

    A rule without a number is off. The row is the lock of whoever looks for alerts.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.PROTECT, primary_key=True, related_name="usage_alerts"
    )
    percent = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_PERCENT)],
        help_text="Utilisation above it alerts.",
    )
    windows_in_a_row = models.PositiveSmallIntegerField(
        default=DEFAULT_RUN, validators=[MinValueValidator(1), MaxValueValidator(WINDOWS_OF_DAY)]
    )
    exhausted_windows = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(WINDOWS_OF_DAY)],
        help_text="So many exhausted windows of a day alert.",
    )
    idle_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_IDLE_DAYS)],
        help_text="Units unused for so many days alert.",
    )
    counts_from = models.DateTimeField(
        help_text="Windows that start before do not count: other rules were in force."
    )
    evaluated_until = models.DateTimeField(
        help_text="Every window that starts before has been looked at."
    )
    days_until = models.DateField(help_text="Every service day before has been looked at.")
    summary_on = models.DateField(
        null=True, blank=True, help_text="Day of the last weekly summary."
    )

    class Meta:
        verbose_name_plural = "usage alert settings"

    def __str__(self) -> str:
        return f"usage alerts of {self.organization}"


class UsageAlert(models.Model):
    """A rule that was met, by units of one kind in one pool. The key lets it be told once."""

    pk = models.CompositePrimaryKey(
        "organization_id", "starts_at", "rule", "snapshot_id", "pool_id", "kind"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    starts_at = models.DateTimeField(
        help_text="Start of the window that met the rule; of idle units, of the day after the last."
    )
    rule = models.CharField(max_length=12, choices=AlertRule)
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    pool_id = models.BigIntegerField(help_text="0: the default pool of the snapshot.")
    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(
        help_text="When it was found, by the organization's clock. One email tells of all of then."
    )
    number = models.PositiveSmallIntegerField(
        help_text="Of the rule: windows in a row, exhausted windows of a day, or idle days."
    )
    percent = models.PositiveSmallIntegerField(null=True, help_text="Of the rule: utilisation.")
    used = models.BigIntegerField(
        null=True, help_text="Weighted tokens of the window that count against the allowance."
    )
    allowance = models.BigIntegerField(null=True, help_text="Tokens of the window.")
    units = models.PositiveBigIntegerField(null=True, help_text="Idle units.")
    per_day = models.PositiveBigIntegerField(
        null=True, help_text="What the idle units cost a day, minor units at standard rates."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rule__in=AlertRule.values, kind__in=Kind.values),
                name="usage_alert_of_known_rule_and_kind",
            ),
        ]
        indexes = [models.Index(fields=["organization", "-at"], name="usage_alert_newest_first")]

    def __str__(self) -> str:
        return f"{self.rule} of {self.snapshot} {self.kind} at {self.starts_at}"


class UsageMailOptOut(models.Model):
    """An owner of an organization does not want one of the emails about its usage."""

    pk = models.CompositePrimaryKey("organization_id", "user_id", "mail")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    mail = models.CharField(max_length=20, choices=UsageMail)

    def __str__(self) -> str:
        return f"{self.user} wants no {self.mail} of {self.organization}"
