"""Quote requests, and the token units that expected traffic needs (R23)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import BigIntegerField, Case, F, Prefetch, QuerySet, When

from accounts.models import Organization
from capacity.domain.quote_requests import expected_units
from capacity.models import QuoteRequest, QuoteRequestLine, QuoteRequestStatus, RequestedModel
from capacity.queries.catalogue import Listing, listings
from common.errors import InvalidRequest, NotFound

MAX_MODELS = 20
MAX_TPM = 10**10


@dataclass(frozen=True, slots=True)
class ExpectedTraffic:
    """A model with the tokens per minute that somebody expects to send to it and get from it."""

    model: str
    input_tpm: int
    output_tpm: int


@dataclass(frozen=True, slots=True)
class Need:
    """A model that is asked for, and a line for each kind of units that it needs; none is saved."""

    requested_model: RequestedModel
    lines: Sequence[QuoteRequestLine]


def needs(
    *,
    organization: Organization,
    models: Sequence[ExpectedTraffic],
    on: date,
    among: Sequence[Listing] | None = None,
) -> Sequence[Need]:
    """Return the units that expected traffic needs, at the list prices in force on a day (R23).

    `among` are the listings of that day, if they are read already.

    Raises NotFound for a model that does not exist, and InvalidRequest for one that cannot be asked
    for. Both name each field: `models.0.output_tpm`.
    """
    if among is None:
        among = listings(organization=organization, on=on)
    by_model = {listing.snapshot.model: listing for listing in among}
    unknown = {
        f"models.{position}.model": [f"There is no model “{asked.model}”."]
        for position, asked in enumerate(models)
        if asked.model not in by_model
    }
    if unknown:
        raise NotFound(_sentences(unknown), errors=unknown)
    if errors := _problems(models, by_model, on):
        raise InvalidRequest(_sentences(errors), errors=errors)
    return [_need(asked, by_model[asked.model]) for asked in models]


def _need(asked: ExpectedTraffic, listing: Listing) -> Need:
    requested = RequestedModel(
        snapshot=listing.snapshot, input_tpm=asked.input_tpm, output_tpm=asked.output_tpm
    )
    units = expected_units(
        input_tpm=asked.input_tpm,
        output_tpm=asked.output_tpm,
        tpm_per_unit={offer.kind.value: offer.unit.tpm for offer in listing.offers},
        output_weight=listing.snapshot.output_weight,
    )
    lines = [
        QuoteRequestLine(
            requested_model=requested,
            kind=offer.kind,
            units=units[offer.kind],
            tpm_per_unit=offer.unit.tpm,
            price_per_day=offer.price.amount if offer.price else None,
            currency=settings.CURRENCY,
        )
        for offer in listing.offers
        if units[offer.kind]
    ]
    return Need(requested, lines)


def _problems(
    models: Sequence[ExpectedTraffic], by_model: Mapping[str, Listing], on: date
) -> dict[str, list[str]]:
    """Return why models cannot be asked for, by the path of the field at fault."""
    if not models:
        return {"models": ["Choose at least one model."]}
    if len(models) > MAX_MODELS:
        return {"models": [f"At most {MAX_MODELS} models at once."]}
    errors: dict[str, list[str]] = {}
    seen: set[str] = set()
    for position, asked in enumerate(models):
        listing = by_model[asked.model]
        for field, problem in _problems_of(asked, listing, on).items():
            errors[f"models.{position}.{field}"] = [problem]
        if asked.model in seen:
            errors[f"models.{position}.model"] = [f"{asked.model} is listed twice."]
        seen.add(asked.model)
    return errors


def _problems_of(asked: ExpectedTraffic, listing: Listing, on: date) -> dict[str, str]:
    sold = {offer.kind.value for offer in listing.offers}
    retires_on = listing.snapshot.retires_on
    if not sold:
        return {"model": f"{asked.model} is not on sale."}
    if retires_on and retires_on <= on:
        return {"model": f"{asked.model} has retired."}
    problems: dict[str, str] = {}
    for field, tpm, kind in (
        ("input_tpm", asked.input_tpm, "input"),
        ("output_tpm", asked.output_tpm, "output"),
    ):
        if not 0 <= tpm <= MAX_TPM:
            problems[field] = f"Between 0 and {MAX_TPM:,} tokens per minute."
        elif tpm and not sold & {kind, "combined"}:
            problems[field] = f"{asked.model} is not sold as {kind} units: leave this empty."
    if not problems and not asked.input_tpm and not asked.output_tpm:
        problems["input_tpm"] = "Enter the tokens per minute that you expect."
    return problems


def _sentences(errors: Mapping[str, Sequence[str]]) -> str:
    return " ".join(message for messages in errors.values() for message in messages)


def with_lines(requests: QuerySet[QuoteRequest]) -> QuerySet[QuoteRequest]:
    """Fetch the models and lines of requests with them, and who is named in them."""
    models = RequestedModel.objects.select_related("snapshot").order_by("pk")
    lines = QuoteRequestLine.objects.select_related("requested_model__snapshot").order_by("pk")
    return requests.select_related("created_by", "withdrawn_by", "order_form").prefetch_related(
        Prefetch("requested_models", models), Prefetch("requested_models__lines", lines)
    )


def quote_requests(organization: Organization) -> QuerySet[QuoteRequest]:
    """Return the requests of the organization with their lines, newest first."""
    rows = QuoteRequest.objects.filter(organization=organization)
    return with_lines(rows).order_by("-pk")


def find_quote_request(organization: Organization, request_id: str) -> QuoteRequest:
    """Return one request with its lines. Raises NotFound, for another's too (R18)."""
    request = quote_requests(organization).filter(public_id=request_id).first()
    if request is None:
        raise NotFound(f"There is no quote request “{request_id}”.")
    return request


def waiting_first(requests: QuerySet[QuoteRequest]) -> QuerySet[QuoteRequest]:
    """Order requests for operators: those that wait first, and of these the oldest first."""
    waits = When(status=QuoteRequestStatus.OPEN, then="pk")
    return requests.annotate(
        waits=Case(waits, default=None, output_field=BigIntegerField())
    ).order_by(F("waits").asc(nulls_last=True), "-pk")
