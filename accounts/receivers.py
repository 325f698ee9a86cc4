"""What allauth tells of second factors, which goes to the audit log (R19)."""

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.operations.audit import Actor, record_for_person
from accounts.operations.sign_ins import record_failed_sign_in
from common.client_address import client_address


@receiver([signals.authenticator_added, signals.authenticator_reset])
def record_added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        _record(request, user, "recovery_codes.generated")
    else:
        _record(request, user, "second_factor.added", authenticator)


@receiver(signals.authenticator_removed)
def record_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        _record(request, user, "recovery_codes.removed")
    else:
        _record(request, user, "second_factor.removed", authenticator)


@receiver(signals.authentication_failed)
def record_failure(request: HttpRequest, user: User, **_: Any) -> None:
    record_failed_sign_in(
        email=user.email,
        reason="second_factor",
        by=Actor("page", address=client_address(request)),
        real_now=timezone.now(),
    )


def _record(
    request: HttpRequest, user: User, action: str, authenticator: Authenticator | None = None
) -> None:
    record_for_person(
        user,
        by=Actor("page", user, client_address(request)),
        action=action,
        real_now=timezone.now(),
        after={"type": authenticator.type} if authenticator else None,
    )
