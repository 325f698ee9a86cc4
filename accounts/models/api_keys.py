"""API keys: a key acts as the person who made it, in one organization."""

from django.db import models

from accounts.models.organizations import Organization
from accounts.models.projects import Project
from accounts.models.users import User
from common.change_notices import announce
from common.ids import PublicIdField
from common.texts import validate_single_line


class ApiKey(models.Model):
    """A bearer key. `hint` is its first characters, by which people tell keys apart."""

    public_id = PublicIdField(prefix="key_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="api_keys"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=120, validators=[validate_single_line])
    project = models.ForeignKey(
        Project,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="For which the requests of the key count; empty: the default project.",
    )
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    is_known_address: bool
    """Whether it was used before from the address that it is looked up for."""

    class Meta:
        triggers = announce("revoked_at")

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class ApiKeyAddress(models.Model):
    """An address from which a key was used. Its first use from there is in the audit log."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="addresses")
    address = models.GenericIPAddressField()
    first_used_at = models.DateTimeField(help_text="By the real clock.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["api_key", "address"], name="api_key_address_once")
        ]

    def __str__(self) -> str:
        return f"{self.api_key} from {self.address}"
