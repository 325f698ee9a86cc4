"""How django-allauth is bent to this product."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitationOnlyAdapter(DefaultAccountAdapter):
    """Nobody signs up by themselves; an invitation's own page makes the user."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
