"""Projects: the parts of an organization."""

from django.db import models
from django.db.models import Q

from accounts.models.organizations import Organization
from common.change_notices import announce
from common.ids import PublicIdField
from common.texts import validate_single_line


class Project(models.Model):
    """A part of an organization. Every purchase and every request counts for one project."""

    public_id = PublicIdField(prefix="proj_")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="projects"
    )
    name = models.CharField(max_length=120, validators=[validate_single_line])
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Empty: it takes purchases. What it holds goes on when it is archived.",
    )

    class Meta:
        triggers = announce("archived_at")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="project_name_once",
                violation_error_message="There is a project of this name already.",
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(is_default=True),
                name="project_one_default",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(archived_at__isnull=True),
                name="project_default_is_not_archived",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        """Return whether it takes no purchases and no new limit. What it holds goes on."""
        return self.archived_at is not None
