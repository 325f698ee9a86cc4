"""Billing details: whom the invoices to come are made out to, and the countries to choose from."""

from collections.abc import Mapping

from django_countries import countries

from accounts.models import Organization
from billing.domain.billing_details import FIELDS, Customer
from billing.models import BillingDetails

COUNTRIES: Mapping[str, str] = {code: str(name) for code, name in countries}
"""The English name of each country, by ISO 3166-1 code, in the order of names."""


NOTHING = Customer(name="")
"""The billing details of an organization that has not entered any."""


def billing_details(organization: Organization) -> Customer:
    """Return the billing details; empty texts if nobody has entered any."""
    try:
        row = organization.billing_details
    except BillingDetails.DoesNotExist:
        return NOTHING
    return Customer.read({name: getattr(row, name) for name in FIELDS})


def customer_of(organization: Organization) -> Customer:
    """Return whom an invoice of the organization is made out to now: by default, to its name."""
    details = billing_details(organization)
    return Customer(name=organization.name) if details == NOTHING else details
