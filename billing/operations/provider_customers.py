"""Organizations as the payment provider's customers: one each."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from accounts.models import Organization
from accounts.queries.members import owners
from billing.models import ProviderCustomer
from billing.stripe_gateway import Gateway, ProviderUnavailable

CLOCKS_APART = timedelta(hours=1)
"""How much our clock and Stripe's may differ."""


def customer_of(organization: Organization, gateway: Gateway, now: datetime) -> str:
    """Find or make the organization's Stripe customer, with its present name and address.

    Two workers may be here at once: both use the same key, or the later one finds the customer
    that the earlier one made. Raises ProviderError.
    """
    customer, _ = ProviderCustomer.objects.get_or_create(
        organization=organization, defaults={"asked_at": now}
    )
    try:
        return _find_or_make(customer, gateway)
    except ProviderUnavailable as error:
        if error.key_used_up:
            _unchanged(customer).update(generation=F("generation") + 1)
        raise ProviderUnavailable(str(error)) from error  # The invoice's own keys are still good.


def forget_customer(organization: Organization, now: datetime) -> None:
    """Let the next sync look for the customer at Stripe, and make another one if there is none."""
    ProviderCustomer.objects.filter(organization=organization).update(
        provider_id="", asked_at=now, generation=F("generation") + 1
    )


def _find_or_make(customer: ProviderCustomer, gateway: Gateway) -> str:
    organization = customer.organization
    owner = owners(organization).order_by("pk").first()
    details = {"name": organization.name, "email": owner.user.email if owner else ""}
    if customer.provider_id:
        if details != {"name": customer.name, "email": customer.email}:
            gateway.update_customer(customer.provider_id, **details)
            _unchanged(customer).update(**details)
        return customer.provider_id
    since = customer.asked_at - CLOCKS_APART
    existing_id = gateway.find_customer(organization.public_id, since=since)
    if existing_id:  # Its details at Stripe are not known; the next invoice updates them.
        _unchanged(customer).update(provider_id=existing_id)
        return existing_id
    key = f"{organization.public_id}:customer"
    if customer.generation:
        key = f"{key}:{customer.generation}"
    new_id = gateway.create_customer(organization.public_id, key=key, **details)
    _unchanged(customer).update(provider_id=new_id, **details)
    return new_id


def _unchanged(customer: ProviderCustomer) -> QuerySet[ProviderCustomer]:
    """The row, unless another worker has replaced its key since."""
    return ProviderCustomer.objects.filter(pk=customer.pk, generation=customer.generation)
