"""Asking for capacity (R23)."""

from collections.abc import Sequence
from datetime import datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from capacity.models import QuoteRequest, QuoteRequestLine, RequestedModel
from capacity.queries.quote_requests import ExpectedTraffic, Need, needs


def request_quote(
    *,
    organization: Organization,
    models: Sequence[ExpectedTraffic],
    note: str,
    by: Actor,
    now: datetime,
) -> QuoteRequest:
    """Ask for capacity by expected TPM; an operator answers with an order form or declines (R23).

    Raises NotFound for a model that does not exist, InvalidRequest for what cannot be asked for.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        needed = needs(organization=change.organization, models=models, on=change.today)
        request = QuoteRequest.objects.create(
            organization=change.organization,
            created_at=change.now,
            created_by=by.person,
            note=note,
        )
        _save(request, needed)
        change.record(
            "quote_request.created",
            request.public_id,
            after={
                "models": [str(need.requested_model) for need in needed],
                "note": note,
            },
        )
    return request


def _save(request: QuoteRequest, needed: Sequence[Need]) -> None:
    for need in needed:
        need.requested_model.quote_request = request
    RequestedModel.objects.bulk_create(need.requested_model for need in needed)
    QuoteRequestLine.objects.bulk_create(line for need in needed for line in need.lines)
