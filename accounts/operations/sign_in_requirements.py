"""What an organization requires of its members when they sign in (R24)."""

from datetime import datetime

from accounts.models import Organization
from accounts.operations.audit import Actor
from accounts.operations.changes import Change, organization_change
from accounts.operations.emails import enqueue_email_to_each
from accounts.queries.members import members_without_second_factor, owners
from accounts.queries.second_factors import has_second_factor
from accounts.queries.sign_in_requirements import keys_would_be_refused_from
from common.errors import NotAllowed
from common.instants import rfc3339


class OwnSecondFactorMissing(NotAllowed):
    """Whoever requires a second factor of others must have one: they would lock themselves out."""


def set_sign_in_requirements(
    *, organization: Organization, second_factor: bool, by: Actor, now: datetime
) -> Organization:
    """Require a second factor of every member, or no longer (R24). Returns the organization.

    From now on members without one can do nothing in the organization but set one up. Their API
    keys are refused from SECOND_FACTOR_NOTICE later; each of them is told the date by email. What
    holds already stays as it is. Raises OwnSecondFactorMissing.
    """
    with organization_change(organization=organization, by=by, now=now) as change:
        if second_factor == change.organization.requires_second_factor:
            return change.organization
        before = _document(change.organization)
        if second_factor:
            _require(change)
        else:
            _lift(change)
        change.organization.save(update_fields=["second_factor_required_at", "keys_refused_from"])
        change.record(
            "sign_in_requirements.set",
            change.organization.public_id,
            before=before,
            after=_document(change.organization),
        )
        return change.organization


def _document(organization: Organization) -> dict[str, object]:
    refused_from = organization.keys_refused_from
    return {
        "second_factor": organization.requires_second_factor,
        "keys_refused_from": refused_from.isoformat() if refused_from else None,
    }


def _require(change: Change) -> None:
    if not has_second_factor(change.by.person):
        raise OwnSecondFactorMissing(
            "Set up two-factor authentication for yourself first: otherwise you could not go on "
            "here yourself."
        )
    refused_from = keys_would_be_refused_from(on=change.today)
    change.organization.second_factor_required_at = change.now
    change.organization.keys_refused_from = refused_from
    enqueue_email_to_each(
        {
            member.user.email: f"{refused_from} {member.user.public_id}"
            for member in members_without_second_factor(change.organization)
        },
        organization=change.organization,
        kind="second_factor_required",
        now=change.now,
    )


def _lift(change: Change) -> None:
    """Require it no longer; owners are told, because signing in is weaker from now on."""
    change.organization.second_factor_required_at = None
    change.organization.keys_refused_from = None
    enqueue_email_to_each(
        {
            owner.user.email: f"{rfc3339(change.now)} {owner.user.public_id}"
            for owner in owners(change.organization).filter(user__is_active=True)
        },
        organization=change.organization,
        kind="second_factor_lifted",
        now=change.now,
    )
