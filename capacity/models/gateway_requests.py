"""Requests to the gateway, and what was decided about each: kept for a day (R15)."""

from django.db import models

from accounts.models import Organization

NOT_FROM_CAPACITY = models.Q(served__in=["default", "refused"])


class GatewayRequestStatus(models.TextChoices):
    OPEN = "open", "Open"
    """It is being served. Such a request is not in the database yet."""
    FINISHED = "finished", "Finished"
    LAPSED = "lapsed", "Lapsed"
    """Its gateway was killed. What it used is not known, unless it ends after all."""


class GatewayRequest(models.Model):
    """One request to the gateway, with the numbers that its admission was decided on.

    The table is partitioned by day (`capacity_keep_gateway_requests`, a function of the database).
    """

    pk = models.CompositePrimaryKey("organization_id", "request_id", "admitted_at")
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    request_id = models.CharField(max_length=200)
    admitted_at = models.DateTimeField(help_text="By the real clock.")
    at = models.DateTimeField(help_text="By the organization's clock.")
    model = models.CharField(max_length=120)
    project = models.CharField(max_length=40, help_text="Public id.")
    key = models.CharField(max_length=40, help_text="Public id of the API key.")
    pool = models.CharField(
        max_length=40, blank=True, help_text="Public id: the one it named, or that admitted it."
    )
    status = models.CharField(
        max_length=10,
        choices=GatewayRequestStatus.choices,
        default=GatewayRequestStatus.FINISHED,
    )
    served = models.CharField(max_length=10, help_text="scale, default or refused.")
    reason = models.CharField(max_length=30, blank=True, help_text="Why not from capacity.")
    refusal = models.CharField(max_length=30, blank=True, help_text="Why not by the account plan.")
    estimate = models.JSONField(help_text="Tokens by kind.")
    actual = models.JSONField(null=True, help_text="Tokens by kind; empty if none or not known.")
    windows = models.JSONField(help_text="Pool, kind, limit and use of what was looked at.")

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-admitted_at"], name="gateway_request_latest"),
            models.Index(
                fields=["organization", "-admitted_at"],
                name="gateway_request_spilled",
                condition=NOT_FROM_CAPACITY,
            ),
        ]

    def __str__(self) -> str:
        return self.request_id
