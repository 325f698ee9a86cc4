"""Account plans: the limits in force on a snapshot (R25)."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import Organization
from capacity.models import AccountPlan


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """Requests and tokens per minute of an account plan."""

    rpm: int
    tpm: int


def plan_limits(organization: Organization, *, model: str) -> PlanLimits:
    """Return the limits in force: those an operator has set, for the others the settings'."""
    plan = AccountPlan.objects.filter(organization=organization, snapshot__model=model).first()
    rpm, tpm = (plan.rpm, plan.tpm) if plan else (None, None)
    return PlanLimits(
        rpm=settings.ACCOUNT_PLAN_RPM if rpm is None else rpm,
        tpm=settings.ACCOUNT_PLAN_TPM if tpm is None else tpm,
    )
