"""The adapter of django-allauth: sign-up is closed."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitationOnlyAdapter(DefaultAccountAdapter):
    """Closes allauth's sign-up page. The page of an invitation creates the user instead."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
