"""What each person may buy: alone, only with approval (R20), or not at all (R18, R21)."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from accounts.access import GRANTS, Permission
from accounts.models import Membership, Organization, Role, User
from accounts.queries.members import purchasers
from billing.domain.money import Money
from capacity.models import ApprovalThreshold
from common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Purchaser:
    """An authorized purchaser, with the most that one purchase may cost per day; None is no limit.

    The limit is at standard rates (R21).
    """

    user: User
    limit_per_day: Money | None


@dataclass(frozen=True, slots=True)
class BuyerRights:
    """What a person may buy in an organization, per day and at standard rates."""

    person: User
    may_buy: bool
    limit_per_day: Money | None = None
    """The most that one purchase may cost; None is no limit (R21)."""
    approval_above: Money | None = None
    """A purchase that costs more needs approval; None: none does (R20)."""


def purchasers_with_limits(organization: Organization) -> QuerySet[Any]:
    """Return the authorized purchasers, each with `limit_amount` in minor units or None."""
    return purchasers(organization).annotate(limit_amount=F("purchaser_limit__amount"))


def purchaser_of(membership: Any) -> Purchaser:
    """Return the purchaser of a row of `purchasers_with_limits`."""
    return Purchaser(membership.user, _money(membership.limit_amount))


def find_purchaser(organization: Organization, user_id: str) -> Purchaser:
    """Return one authorized purchaser, by public id of the user. Raises NotFound (R18)."""
    row = purchasers_with_limits(organization).filter(user__public_id=user_id).first()
    if row is None:
        raise NotFound("There is no such authorized purchaser.")
    return purchaser_of(row)


def approval_threshold(organization: Organization) -> Money | None:
    """Return the cost per day above which a purchase needs approval, or None (R20)."""
    threshold = ApprovalThreshold.objects.filter(organization=organization).first()
    return _money(threshold.amount if threshold else None)


def buyer_rights(organization: Organization, person: User) -> BuyerRights:
    """Return what a person may buy now, in one statement (R18, R20, R21).

    An owner's purchases need no approval if no other active owner could give it.
    """
    of_organization = {"organization": OuterRef("organization")}
    other_owners = Membership.objects.filter(
        role=Role.OWNER, user__is_active=True, **of_organization
    ).exclude(user=OuterRef("user"))
    row = (
        Membership.objects.filter(organization=organization, user=person, user__is_active=True)
        .values(
            "role",
            limit=F("purchaser_limit__amount"),
            threshold=Subquery(
                ApprovalThreshold.objects.filter(**of_organization).values("amount")
            ),
            has_other_owner=Exists(other_owners),
        )
        .first()
    )
    if row is None or Permission.BUY not in GRANTS[row["role"]]:
        return BuyerRights(person, may_buy=False)
    is_owner = row["role"] == Role.OWNER
    return BuyerRights(
        person,
        may_buy=True,
        limit_per_day=None if is_owner else _money(row["limit"]),
        approval_above=_money(row["threshold"]) if row["has_other_owner"] else None,
    )


def _money(amount: int | None) -> Money | None:
    return None if amount is None else Money(amount, settings.CURRENCY)
