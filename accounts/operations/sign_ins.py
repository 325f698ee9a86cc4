"""What is recorded of people signing in, and of failed attempts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts.models import FAILED_SIGN_IN, AuditEntry, User
from accounts.operations.audit import Actor, record_for_person

ONE_ENTRY_EACH = timedelta(hours=1)
MOST_ADDRESSES = 20
"""At most so many failed attempts of one account are recorded an hour, one for each address."""


def record_sign_in(*, methods: Sequence[str], by: Actor, real_now: datetime) -> None:
    """Record that a person signed in, and how: `password`, `totp`, `recovery_codes`, …"""
    record_for_person(
        by.person,
        by=by,
        action="sign_in.succeeded",
        real_now=real_now,
        after={"methods": list(methods)},
    )


def record_failed_sign_in(*, email: str, reason: str, by: Actor, real_now: datetime) -> None:
    """Record a failed attempt to sign in as somebody who is a user.

    `reason` is what was wrong: `password` or `second_factor`. What was typed is never recorded.
    Outsiders cause these entries, so there are few: see ONE_ENTRY_EACH and MOST_ADDRESSES.
    """
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        return
    earlier = AuditEntry.objects.filter(
        action=FAILED_SIGN_IN, subject=user.public_id, recorded_at__gt=real_now - ONE_ENTRY_EACH
    )
    addresses = set(earlier.values_list("address", flat=True))
    if by.address in addresses or len(addresses) >= MOST_ADDRESSES:
        return
    record_for_person(
        user, by=by, action=FAILED_SIGN_IN, real_now=real_now, after={"reason": reason}
    )
