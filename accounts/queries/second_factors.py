"""Second factors, which allauth keeps."""

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from accounts.access import SECOND_FACTORS
from accounts.models import User


def second_factors(user: User) -> "QuerySet[Authenticator]":
    """Return what a person can show besides their password."""
    factors: QuerySet[Authenticator] = Authenticator.objects.filter(
        user=user, type__in=SECOND_FACTORS
    )
    return factors


def has_second_factor(user: User) -> bool:
    """Return whether signing in as this person takes more than a password."""
    return second_factors(user).exists()
