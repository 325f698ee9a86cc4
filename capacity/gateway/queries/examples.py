"""A first request to try, for whoever has just made a key."""

import json
from collections import defaultdict
from shlex import quote

from django.conf import settings

from accounts.models import Organization
from capacity.models import Kind, Lot, Snapshot


def first_request(organization: Organization, secret: str) -> str:
    """Return a command that sends a chat completion; empty if nobody says where the gateway is."""
    model = _model(organization)
    if not settings.GATEWAY_URL or not model:
        return ""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return " ".join(
        (
            f"curl -i {quote(settings.GATEWAY_URL + '/chat/completions')}",
            f"-H {quote(f'authorization: Bearer {secret}')}",
            "-H 'content-type: application/json'",
            f"-d {quote(json.dumps(body))}",
        )
    )


def _model(organization: Organization) -> str:
    """Return a model of which capacity serves such a request, or else any; empty if none is."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    active = Lot.objects.filter(organization=organization, active_units__gt=0)
    for model, kind in active.values_list("snapshot__model", "kind").distinct():
        kinds[model].add(kind)
    for model in sorted(kinds):
        if Kind.COMBINED in kinds[model] or {Kind.INPUT, Kind.OUTPUT} <= kinds[model]:
            return model
    first = Snapshot.objects.filter(retires_on=None).order_by("model").first()
    return first.model if first else ""
