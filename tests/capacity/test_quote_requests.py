"""Asking for capacity, and an operator's answer (R23)."""

import pytest
from django.test import Client

from capacity.models import QuoteRequest, Snapshot
from capacity.operations.quote_requests import request_quote
from capacity.queries.quote_requests import ExpectedTraffic, quote_requests
from common.errors import BusinessError, InvalidRequest, NotFound
from tests.cast import GPT, GROK, Acme, at, day

pytestmark = pytest.mark.django_db

COMBINED = "gpt-5.4"


def ask(acme: Acme, *models: ExpectedTraffic, on: str = "2026-01-05") -> QuoteRequest:
    """Alice asks for capacity, by default the worked example."""
    request = request_quote(
        organization=acme.organization,
        models=models or [ExpectedTraffic(COMBINED, 60_000, 10_000)],
        note="We start in February.",
        by=acme.alice,
        now=at(on),
    )
    return quote_requests(acme.organization).get(pk=request.pk)


def test_a_request_names_units_and_prices_of_its_day(acme: Acme) -> None:
    request = ask(acme, ExpectedTraffic(COMBINED, 60_000, 10_000), ExpectedTraffic(GROK, 31_501, 0))
    assert [(line.model, line.kind, line.units, line.tpm) for line in request.lines] == [
        (COMBINED, "combined", 3, 150_000),
        (GROK, "input", 2, 63_000),
    ]
    assert [str(line.price) for line in request.lines] == ["$300.00", "$10.00"]
    assert str(request.per_day) == "$920.00"
    entry = acme.organization.audit_entries.get(action="quote_request.created")
    assert entry.after == {
        "models": [
            f"{COMBINED}: 60,000 input and 10,000 output TPM",
            f"{GROK}: 31,501 input and 0 output TPM",
        ],
        "note": "We start in February.",
    }


@pytest.mark.parametrize(
    ("models", "error", "field"),
    [
        ([("gpt-9", 1, 1)], NotFound, "models.0.model"),
        ([(GROK, 1, 0), (GROK, 1, 0)], InvalidRequest, "models.1.model"),
        ([(GROK, 0, 0)], InvalidRequest, "models.0.input_tpm"),
        ([(GROK, 1, 10**10 + 1)], InvalidRequest, "models.0.output_tpm"),
        ([(GPT, 1, 1)], InvalidRequest, "models.0.model"),
        ([], InvalidRequest, "models"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_at_its_field(
    acme: Acme, models: list[tuple[str, int, int]], error: type[BusinessError], field: str
) -> None:
    Snapshot.objects.filter(model=GPT).update(retires_on=day("2026-01-05"))
    with pytest.raises(error) as refusal:
        request_quote(
            organization=acme.organization,
            models=[ExpectedTraffic(*model) for model in models],
            note="",
            by=acme.alice,
            now=at("2026-01-05"),
        )
    assert list(refusal.value.errors) == [field]
    assert not QuoteRequest.objects.exists()


def test_olga_sees_first_what_waits_longest(acme: Acme, olga: Client) -> None:
    requests = [ask(acme) for _ in range(3)]
    QuoteRequest.objects.filter(pk=requests[0].pk).update(
        status="declined", reply="No.", replied_at=at("2026-01-06")
    )
    page = olga.get("/operator/capacity/quoterequest/")
    assert list(page.context["cl"].result_list) == [requests[1], requests[2], requests[0]]
    assert "3 combined units of gpt-5.4" in page.text
