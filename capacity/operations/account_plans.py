"""Setting the limits of an account plan (R25)."""

from datetime import datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from capacity.models import AccountPlan, Snapshot
from capacity.models.account_plans import MOST_PER_MINUTE
from common.errors import InvalidRequest, NotFound


def set_account_plan(
    *,
    organization: Organization,
    model: str,
    rpm: int | None = None,
    tpm: int | None = None,
    by: Actor,
    now: datetime,
) -> AccountPlan:
    """Set requests and tokens per minute of an organization's account plan on a snapshot (R25).

    A limit that is None stays as it is. Returns the plan. Raises NotFound if there is no such
    model, InvalidRequest for a limit that no counter holds.
    """
    for name, limit in (("rpm", rpm), ("tpm", tpm)):
        if limit is not None and not 0 <= limit <= MOST_PER_MINUTE:
            raise InvalidRequest.field(
                name, f"This is a whole number from 0 to {MOST_PER_MINUTE:,} a minute."
            )
    with organization_change(organization=organization, by=by, now=now) as change:
        snapshot = Snapshot.objects.filter(model=model).first()
        if snapshot is None:
            raise NotFound.field("model", f"There is no model “{model}”.")
        plan, _ = AccountPlan.objects.get_or_create(
            organization=change.organization, snapshot=snapshot
        )
        before = _document(plan)
        plan.rpm = plan.rpm if rpm is None else rpm
        plan.tpm = plan.tpm if tpm is None else tpm
        plan.save(update_fields=["rpm", "tpm"])
        change.record("account_plan.set", model, before=before, after=_document(plan))
    return plan


def _document(plan: AccountPlan) -> dict[str, int | None]:
    return {"rpm": plan.rpm, "tpm": plan.tpm}
