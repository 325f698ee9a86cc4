"""Second factors, which allauth keeps."""

from collections.abc import Iterable

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


def people_with_second_factor(users: Iterable[int]) -> set[int]:
    """Return which of the users, given by primary key, have a second factor."""
    factors = Authenticator.objects.filter(user__in=list(users), type__in=SECOND_FACTORS)
    return set(factors.values_list("user_id", flat=True))
