"""Customers at the payment provider: one for each organization."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from accounts.models import Organization
from accounts.queries.members import owners
from billing.models import ProviderCustomer
from billing.stripe_gateway import Gateway, ProviderUnavailable

CLOCKS_APART = timedelta(hours=1)
"""The greatest difference between our clock and that of Stripe."""


def customer_of(organization: Organization, gateway: Gateway, now: datetime) -> str:
    """Return the id of the organization's Stripe customer, which is found or created.

    Its name and email are updated. Two workers at the same moment get one customer: they use the
    same idempotency key, or the later one finds the customer of the earlier one. Raises
    ProviderError.
    """
    customer, _ = ProviderCustomer.objects.get_or_create(
        organization=organization, defaults={"asked_at": now}
    )
    try:
        return _find_or_make(customer, gateway)
    except ProviderUnavailable as error:
        if error.key_used_up:
            _unchanged(customer).update(generation=F("generation") + 1)
        raise ProviderUnavailable(
            str(error)
        ) from error  # The keys of the invoice are still usable.


def forget_customer(organization: Organization, now: datetime) -> None:
    """Delete the stored customer id. The next sync finds the customer at Stripe or creates one."""
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
    if existing_id:  # Its name and email are unknown here; the next invoice updates them.
        _unchanged(customer).update(provider_id=existing_id)
        return existing_id
    key = f"{organization.public_id}:customer"
    if customer.generation:
        key = f"{key}:{customer.generation}"
    new_id = gateway.create_customer(organization.public_id, key=key, **details)
    _unchanged(customer).update(provider_id=new_id, **details)
    return new_id


def _unchanged(customer: ProviderCustomer) -> QuerySet[ProviderCustomer]:
    """Return a query of the row. It is empty if another worker has changed the generation since."""
    return ProviderCustomer.objects.filter(pk=customer.pk, generation=customer.generation)
