"""Users, who sign in with their email address."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from common.change_notices import CHANNEL, announce_changed
from common.ids import PublicIdField
from common.texts import validate_single_line

ABOUT_THEIR_ORGANIZATIONS = f"""
    PERFORM pg_notify('{CHANNEL}', organization_id::text)
    FROM accounts_membership WHERE user_id = {{row}}.id;
"""


class UserManager(BaseUserManager["User"]):
    """Creates and finds users by email address, in any case. Addresses are stored in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person. Only a `Membership` gives them rights in an organization."""

    public_id = PublicIdField(prefix="user_")
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=120, blank=True, validators=[validate_single_line])
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        triggers = [announce_changed("is_active", what=ABOUT_THEIR_ORGANIZATIONS)]
        permissions = [("reset_second_factor", "Can reset a person's second factor")]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)
