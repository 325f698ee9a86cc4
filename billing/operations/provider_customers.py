"""Organizations as the payment provider's customers: one each."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from accounts.models import Organization
from accounts.queries import owners
from billing.models import ProviderCustomer
from billing.stripe_gateway import Gateway, Unavailable

CLOCKS_APART = timedelta(hours=1)
"""How much our clock and Stripe's may differ."""


def customer_of(organization: Organization, gateway: Gateway, now: datetime) -> str:
    """The organization's Stripe customer, found or made, with its present name and address.

    Two senders may be here at once: both ask with the same key, or the later one finds what the
    earlier one made. Raises ProviderError.
    """
    known, _ = ProviderCustomer.objects.get_or_create(
        organization=organization, defaults={"asked_at": now}
    )
    try:
        return _find_or_make(known, gateway)
    except Unavailable as problem:
        if problem.key_used_up:
            _unchanged(known).update(generation=F("generation") + 1)
        raise Unavailable(str(problem)) from problem  # The invoice's own keys are still good.


def forget_customer(organization: Organization, now: datetime) -> None:
    """Look for the organization's customer anew, and make another one if there is none."""
    ProviderCustomer.objects.filter(organization=organization).update(
        provider_id="", asked_at=now, generation=F("generation") + 1
    )


def _find_or_make(known: ProviderCustomer, gateway: Gateway) -> str:
    organization = known.organization
    owner = owners(organization).order_by("pk").first()
    told = {"name": organization.name, "email": owner.user.email if owner else ""}
    if known.provider_id:
        if told != {"name": known.name, "email": known.email}:
            gateway.update_customer(known.provider_id, **told)
            _unchanged(known).update(**told)
        return known.provider_id
    found = gateway.find_customer(organization.public_id, since=known.asked_at - CLOCKS_APART)
    if found:  # What it was told is not known; the next invoice tells it again.
        _unchanged(known).update(provider_id=found)
        return found
    key = f"{organization.public_id}:customer"
    if known.generation:
        key = f"{key}:{known.generation}"
    made = gateway.create_customer(organization.public_id, key=key, **told)
    _unchanged(known).update(provider_id=made, **told)
    return made


def _unchanged(known: ProviderCustomer) -> QuerySet[ProviderCustomer]:
    """The row, unless someone has given up on its key since."""
    return ProviderCustomer.objects.filter(pk=known.pk, generation=known.generation)
