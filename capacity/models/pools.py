"""Pools: named shares of an organization's units of one snapshot."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from capacity.models.catalogue import Snapshot
from common.change_notices import announce
from common.ids import PublicIdField
from common.texts import validate_single_line


class Pool(models.Model):
    """A named share of an organization's units of one snapshot. Requests name its public id."""

    public_id = PublicIdField(prefix="pt_")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="pools")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="pools")
    name = models.CharField(max_length=120, validators=[validate_single_line])
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        triggers = announce("is_default")
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
