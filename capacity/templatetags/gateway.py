"""What pages of other parts show of the gateway."""

from django import template

from capacity.gateway.queries.examples import first_request

register = template.Library()


@register.simple_tag(takes_context=True)
def first_gateway_request(context: template.Context, secret: str) -> str:
    """Return a command that sends a first request with a new key; empty if none can be told."""
    return first_request(context["request"].access.organization, secret)
