"""Projects: the parts of an organization."""

from django.db import models
from django.db.models import Q

from accounts.models.organizations import Organization
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

    class Meta:
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
        ]

    def __str__(self) -> str:
        return self.name
