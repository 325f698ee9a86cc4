"""The limits of authorized purchasers (R21)."""

from django.db import models

from accounts.models import Membership


class PurchaserLimit(models.Model):
    """The most that one purchase of a person may cost per day, at standard rates (R21).

    It binds while the person is an authorized purchaser. It ends with the membership.
    """

    membership = models.OneToOneField(
        Membership, primary_key=True, on_delete=models.CASCADE, related_name="purchaser_limit"
    )
    amount = models.PositiveBigIntegerField(help_text="Minor units per day.")

    def __str__(self) -> str:
        return f"Limit of {self.membership}"
