"""Customers at the payment provider: one for each organization, with its billing details."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet

from accounts.models import Organization
from accounts.queries.members import owners
from billing.domain.billing_details import Customer
from billing.domain.tax_ids import provider_tax_id
from billing.models import CustomerSync, ProviderCustomer, SyncStatus
from billing.queries.billing_details import customer_of
from billing.stripe_gateway import Gateway, ProviderUnavailable, StripeCustomer

CLOCKS_APART = timedelta(hours=1)
"""The greatest difference between our clock and that of Stripe."""


def sync_customer(organization: Organization, gateway: Gateway, now: datetime) -> str:
    """Return the id of the organization's Stripe customer, which is found or created.

    Its details are updated, but for the tax id. Two workers at the same moment get one customer:
    they use the same idempotency key, or the later one finds the customer of the earlier one.
    Raises ProviderError.
    """
    customer, _ = ProviderCustomer.objects.get_or_create(
        organization=organization, defaults={"asked_at": now}
    )
    details = _details(customer.organization)
    try:
        customer_id = _find_or_make(customer, details, gateway)
    except ProviderUnavailable as error:
        if error.key_used_up:
            _unchanged(customer).update(generation=F("generation") + 1)
        raise ProviderUnavailable(
            str(error)
        ) from error  # The keys of the invoice are still usable.
    _send_again_if_changed(organization, details)
    return customer_id


def _send_again_if_changed(organization: Organization, sent: StripeCustomer) -> None:
    """Put the customer in the queue if its details are others by now: those sent may come last."""
    if _details(Organization.objects.get(pk=organization.pk)) != sent:
        CustomerSync.objects.filter(pk=organization.pk).update(
            status=SyncStatus.PENDING, revision=F("revision") + 1, failures=0, next_attempt_at=None
        )


def sync_tax_id(
    organization: Organization, customer_id: str, gateway: Gateway, *, key: str
) -> None:
    """Give the Stripe customer the organization's tax id, and take every other one from it.

    A tax id of no type that Stripe has is printed on invoices as text instead. Raises
    ProviderError, also for an id whose form Stripe refuses.
    """
    details = customer_of(organization)
    wanted = provider_tax_id(details.country, details.tax_id)
    present = gateway.tax_ids(customer_id)
    for tax_id in present:
        if (tax_id.type, tax_id.value) != wanted:
            gateway.delete_tax_id(customer_id, tax_id.id)
    if wanted and wanted not in {(tax_id.type, tax_id.value) for tax_id in present}:
        gateway.create_tax_id(customer_id, *wanted, key=key)


def printed_fields(details: Customer) -> dict[str, str]:
    """Return what Stripe prints as text on invoices: the purchase order, and an odd tax id."""
    fields = {"Purchase order": details.purchase_order}
    if provider_tax_id(details.country, details.tax_id) is None:
        fields["Tax ID"] = details.tax_id
    return {name: value for name, value in fields.items() if value}


def forget_customer(organization: Organization, now: datetime) -> None:
    """Delete what is stored of the customer. The next sync finds it at Stripe or creates one."""
    ProviderCustomer.objects.filter(organization=organization).update(
        **dict.fromkeys(("provider_id", "name", "email", "address", "country"), ""),
        fields={},
        asked_at=now,
        generation=F("generation") + 1,
    )


def _find_or_make(customer: ProviderCustomer, details: StripeCustomer, gateway: Gateway) -> str:
    if not customer.provider_id:
        organization_id = customer.organization.public_id
        since = customer.asked_at - CLOCKS_APART
        existing_id = gateway.find_customer(organization_id, since=since)
        if existing_id is None:
            key = f"{organization_id}:customer"
            if customer.generation:
                key = f"{key}:{customer.generation}"
            new_id = gateway.create_customer(organization_id, details, key=key)
            _unchanged(customer).update(provider_id=new_id, **_columns(details))
            return new_id
        customer.provider_id = existing_id
        _unchanged(customer).update(provider_id=existing_id)
    columns = _columns(details)
    if columns != {name: getattr(customer, name) for name in columns}:
        gateway.update_customer(customer.provider_id, details)
        _unchanged(customer).update(**columns)
    return customer.provider_id


def _details(organization: Organization) -> StripeCustomer:
    details = customer_of(organization)
    owner = owners(organization).order_by("pk").first()
    return StripeCustomer(
        name=details.name,
        email=details.email or (owner.user.email if owner else ""),
        address=details.address,
        country=details.country,
        fields=printed_fields(details),
    )


def _columns(details: StripeCustomer) -> dict[str, Any]:
    return {
        "name": details.name,
        "email": details.email,
        "address": details.address,
        "country": details.country,
        "fields": dict(details.fields),
    }


def _unchanged(customer: ProviderCustomer) -> QuerySet[ProviderCustomer]:
    """Return a query of the row. It is empty if another worker has changed the generation since."""
    return ProviderCustomer.objects.filter(pk=customer.pk, generation=customer.generation)
