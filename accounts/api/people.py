"""Keys, purchasers, projects, the record and the clock."""

from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView, no_content
from accounts.operations.keys import create_api_key, revoke_api_key
from accounts.operations.members import authorize_purchaser, withdraw_purchaser
from accounts.operations.projects import create_project
from accounts.serializers.documents import (
    ApiKeySerializer,
    AuditEntrySerializer,
    ClockSerializer,
    NewApiKeySerializer,
    ProjectSerializer,
    PurchaserSerializer,
)
from accounts.serializers.paging import PageQuery
from accounts.serializers.requests import NamedSerializer, PurchaserRequestSerializer


class Keys(OrganizationView):
    @endpoint(
        "list_keys",
        permission=Permission.OWN_API_KEYS,
        query=PageQuery,
        answer=ApiKeySerializer,
    )
    def get(self, request: Request) -> Response:
        """Your own API keys that still work."""
        return self.page(queries.api_keys(self.visit.organization, self.visit.user))

    @endpoint(
        "make_key",
        permission=Permission.OWN_API_KEYS,
        body=NamedSerializer,
        answer=NewApiKeySerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make an API key that acts as you in this organization. Its secret is shown once."""
        return self.answer(self.do(create_api_key, name=self.sent["name"]))


class Key(OrganizationView):
    @endpoint(
        "revoke_key",
        permission=Permission.OWN_API_KEYS,
        answer=None,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(self, request: Request, key_id: str) -> Response:
        """End one of your own API keys, at once and for good."""
        self.do(revoke_api_key, key_id=key_id)
        return no_content()


class Purchasers(OrganizationView):
    @endpoint(
        "list_purchasers",
        permission=Permission.MANAGE,
        query=PageQuery,
        answer=PurchaserSerializer,
    )
    def get(self, request: Request) -> Response:
        """Members whom an owner allowed to buy and cancel units."""
        return self.page(queries.purchasers(self.visit.organization))

    @endpoint(
        "authorize_purchaser",
        permission=Permission.MANAGE,
        body=PurchaserRequestSerializer,
        answer=PurchaserSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Allow a member to buy and cancel units, from their next request on."""
        return self.answer(self.do(authorize_purchaser, email=self.sent["email"]))


class Purchaser(OrganizationView):
    @endpoint(
        "withdraw_purchaser",
        permission=Permission.MANAGE,
        answer=None,
        status=HTTPStatus.NO_CONTENT,
    )
    def delete(self, request: Request, user_id: str) -> Response:
        """Withdraw an authorization. The person stays a member, and is refused at once."""
        self.do(withdraw_purchaser, user_id=user_id)
        return no_content()


class Projects(OrganizationView):
    @endpoint(
        "list_projects",
        permission=Permission.MANAGE,
        query=PageQuery,
        answer=ProjectSerializer,
    )
    def get(self, request: Request) -> Response:
        """What spend and usage are attributed to."""
        return self.page(queries.projects(self.visit.organization))

    @endpoint(
        "make_project",
        permission=Permission.MANAGE,
        body=NamedSerializer,
        answer=ProjectSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        """Make a project. Its name is its own within the organization."""
        return self.answer(self.do(create_project, name=self.sent["name"]))


class Audit(OrganizationView):
    @endpoint(
        "list_audit_entries",
        permission=Permission.MANAGE,
        query=PageQuery,
        answer=AuditEntrySerializer,
    )
    def get(self, request: Request) -> Response:
        """Every change: who, when, from where, what before and after. Nobody can edit it."""
        return self.page(queries.audit_entries(self.visit.organization))


class Clock(OrganizationView):
    @endpoint("read_clock", permission=Permission.MANAGE, answer=ClockSerializer)
    def get(self, request: Request) -> Response:
        """The organization's time, which everything it does goes by."""
        return self.answer(self.visit.organization)
