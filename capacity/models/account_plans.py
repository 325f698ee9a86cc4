"""Account plans: the limits of the ordinary service, where an operator has set them (R25)."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import Organization
from capacity.models.catalogue import Snapshot
from common.change_notices import announce

MOST_PER_MINUTE = 10**12
"""Of requests and of tokens: more than any service takes, and far from what a counter can hold."""


class AccountPlan(models.Model):
    """The limits of an organization's account plan on one snapshot (R25).

    Where a limit is empty, that of the settings counts.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="account_plans"
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, related_name="+", verbose_name="model snapshot"
    )
    rpm = models.PositiveBigIntegerField(
        "RPM",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_PER_MINUTE)],
        help_text="Requests per minute; empty: the installation's default.",
    )
    tpm = models.PositiveBigIntegerField(
        "TPM",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_PER_MINUTE)],
        help_text="Tokens per minute, input and output together; empty: the default.",
    )

    class Meta:
        triggers = announce("rpm", "tpm")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "snapshot"],
                name="account_plan_once",
                violation_error_message="This organization has a plan on this model already.",
            ),
            models.CheckConstraint(
                condition=(Q(rpm=None) | Q(rpm__lte=MOST_PER_MINUTE))
                & (Q(tpm=None) | Q(tpm__lte=MOST_PER_MINUTE)),
                name="account_plan_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"Account plan of {self.organization} on {self.snapshot}"
