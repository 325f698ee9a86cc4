"""Changing and resetting passwords."""

from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import ApiKey, User
from accounts.operations.audit import Actor, record, record_for_person


def change_password(*, user: User, password: str, by: Actor, real_now: datetime) -> None:
    """Set the password of somebody who knew the old one. Their API keys stay.

    Other sessions end, because each is bound to the password.
    """
    with transaction.atomic():
        _set_password(user, password)
        record_for_person(user, by=by, action="password.changed", real_now=real_now)


def reset_password(*, user: User, password: str, by: Actor, real_now: datetime) -> None:
    """Set the password of somebody who read the mail sent to them, and who may have lost control.

    So whoever else is signed in as them is signed out, and all their API keys are revoked.
    """
    with transaction.atomic():
        _set_password(user, password)
        end_sessions(user)
        revoked = _revoke_api_keys(user, by=by, real_now=real_now)
        record_for_person(
            user,
            by=by,
            action="password.reset",
            real_now=real_now,
            after={"api_keys_revoked": revoked},
        )


def end_sessions(user: User) -> None:
    """Sign the person out everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def _set_password(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])


def _revoke_api_keys(user: User, *, by: Actor, real_now: datetime) -> int:
    """Revoke a person's keys in every organization; return how many."""
    keys = ApiKey.objects.filter(user=user, revoked_at=None).select_related("organization")
    keys = keys.select_for_update(of=("self",)).order_by("pk")
    for key in keys:
        at = key.organization.clock_at or real_now
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        record(
            organization=key.organization,
            by=by,
            action="api_key.revoked",
            subject=key.public_id,
            at=at,
            before={"name": key.name, "hint": key.hint},
        )
    return len(keys)
