"""Resetting the second factor of somebody who has lost it, and encrypting all secrets anew."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import OutboundEmail, User
from accounts.operations.audit import Actor, record_for_person
from accounts.operations.passwords import end_sessions
from common.encryption import encrypt_anew


def reset_second_factor(*, user: User, reason: str, by: Actor, real_now: datetime) -> None:
    """Remove every second factor and recovery code of a person, and sign them out everywhere.

    They get an email, so that one who did not ask for it can object.
    """
    with transaction.atomic(durable=True):
        removed = Authenticator.objects.filter(user=user)
        types = sorted(removed.values_list("type", flat=True))
        removed.delete()
        end_sessions(user)
        record_for_person(
            user,
            by=by,
            action="second_factor.reset",
            real_now=real_now,
            after={"removed": types, "reason": reason},
        )
        OutboundEmail.objects.create(
            kind="second_factor_reset",
            about=user.public_id,
            recipient=user.email,
            created_at=real_now,
        )


def encrypt_second_factors_anew() -> int:
    """Encrypt every stored secret under SECRET_KEY, so that its fallbacks can go. Returns how many.

    Raises cryptography's InvalidToken, and changes nothing, if no key of the settings fits one.
    """
    with transaction.atomic():
        authenticators = list(Authenticator.objects.select_for_update().order_by("pk"))
        for authenticator in authenticators:
            data = authenticator.data
            for name in data.keys() & {"secret", "seed"}:
                data[name] = encrypt_anew(data[name])
            authenticator.save(update_fields=["data"])
    return len(authenticators)
