"""Setting the limits of authorized purchasers (R21)."""

from datetime import datetime

from accounts.models import Membership, Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from billing.domain.money import Money
from capacity.models import PurchaserLimit
from capacity.queries.purchasers import Purchaser, find_purchaser


def set_purchaser_limit(
    *,
    organization: Organization,
    user_id: str,
    limit: Money | None,
    by: Actor,
    now: datetime,
) -> Purchaser:
    """Set the most that one purchase of a purchaser may cost per day; None is no limit (R21).

    Raises NotFound for anyone who is not an authorized purchaser.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        before = find_purchaser(change.organization, user_id)
        membership = Membership.objects.get(organization=change.organization, user=before.user)
        if limit is None:
            PurchaserLimit.objects.filter(membership=membership).delete()
        else:
            PurchaserLimit.objects.update_or_create(
                membership=membership, defaults={"amount": limit.amount}
            )
        change.record(
            "purchaser.limit_set",
            user_id,
            before={"limit_per_day": before.limit_per_day and before.limit_per_day.document()},
            after={"limit_per_day": limit and limit.document()},
        )
    return Purchaser(before.user, limit)
