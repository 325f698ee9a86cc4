"""The first operator of an installation, who is made by a command and not by another operator."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import User


class FirstOperatorError(Exception):
    """This address cannot become the first operator; `str()` is the reason, for a terminal."""


def create_first_operator(*, email: str) -> User:
    """Make the first operator, who has no password yet. Twice is once. Returns the operator.

    Raises FirstOperatorError.
    """
    with transaction.atomic(durable=True):
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None and has_operator():
            raise FirstOperatorError(
                f"{email} cannot become the first operator: there is another, who can add them at "
                "/operator/."
            )
        if user is not None and not user.is_superuser:
            raise FirstOperatorError(
                f"{email} is the address of a customer: choose another for the operator."
            )
        return user or User.objects.create_superuser(email)


def has_operator() -> bool:
    """Return whether anybody may do everything at the operator's pages."""
    return User.objects.filter(is_superuser=True, is_staff=True, is_active=True).exists()


def password_link(user: User) -> str:
    """Return the link by which the user sets a password, once, within PASSWORD_RESET_TIMEOUT."""
    key = default_token_generator.make_token(user)
    arguments = {"uidb36": user_pk_to_url_str(user), "key": key}
    return settings.PUBLIC_URL + reverse("account_reset_password_from_key", kwargs=arguments)
