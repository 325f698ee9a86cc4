"""The adapter of django-allauth: sign-up is closed; addresses are those of clients."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from common.client_address import client_address

NO_ADDRESS = "0.0.0.0"  # noqa: S104 - it is written, not listened on
"""Stands for the address of a client on a local socket."""


class InvitationOnlyAdapter(DefaultAccountAdapter):
    """Closes allauth's sign-up page. The page of an invitation creates the user instead."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address for limits and for the list of sessions, which must have one."""
        return client_address(request) or NO_ADDRESS
