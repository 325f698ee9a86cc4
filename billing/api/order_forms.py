"""Order forms, and their signature (R23)."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Permission
from accounts.api.endpoints import endpoint
from accounts.api.views import OrganizationView
from billing.operations.order_forms import sign_order_form
from billing.queries.order_forms import find_order_form, order_forms, signed_forms, state_of
from billing.serializers.order_forms import OrderFormSerializer, SignatureSerializer
from common.api.pagination import PageQuery


class OrderForms(OrganizationView):
    @endpoint(
        "list_order_forms",
        permission=Permission.MANAGE,
        query=PageQuery,
        response=OrderFormSerializer,
    )
    def get(self, request: Request) -> Response:
        """Order forms, those that await your signature too."""
        organization, today = self.access.organization, self.now.date()
        signed = signed_forms(organization)
        return self.page(order_forms(organization), read=lambda form: state_of(form, signed, today))


class OrderFormSignature(OrganizationView):
    @endpoint(
        "sign_order_form",
        permission=Permission.MANAGE,
        body=SignatureSerializer,
        response=OrderFormSerializer,
        refuses=True,
    )
    def post(self, request: Request, form_id: str) -> Response:
        """Sign an order form, for good. Units can be bought from its start on."""
        organization = self.access.organization
        state = find_order_form(organization, form_id, self.now.date())
        form = sign_order_form(
            form=state.form,
            signed_name=self.body["name"],
            by=self.caller["by"],
            now=self.now,
        )
        return self.respond(find_order_form(organization, form.public_id, self.now.date()))
