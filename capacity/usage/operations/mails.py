"""Which emails about usage an owner wants, and the links in them that turn them off."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import Membership, Organization, User
from accounts.operations.audit import Actor
from accounts.operations.changes import organization_change
from capacity.usage.models import UsageMail, UsageMailOptOut
from capacity.usage.queries.alerts import mails_wanted
from common.errors import NotFound

SIGNER = signing.Signer(salt="usage mail")


@dataclass(frozen=True, slots=True)
class MailLink:
    """What a link in an email is about: one kind of email to one person of an organization."""

    organization: Organization
    user: User
    mail: UsageMail


def set_usage_mails(
    *,
    organization: Organization,
    user: User,
    wanted: AbstractSet[UsageMail],
    by: Actor,
    now: datetime,
) -> None:
    """Set which emails about the usage of an organization a person wants. Repeating it is fine."""
    with organization_change(organization=organization, by=by, now=now) as change:
        before = mails_wanted(change.organization, user)
        if before == wanted:
            return
        declined = UsageMailOptOut.objects.filter(organization=change.organization, user=user)
        declined.filter(mail__in=wanted).delete()
        UsageMailOptOut.objects.bulk_create(
            UsageMailOptOut(organization=change.organization, user=user, mail=mail)
            for mail in before - wanted
        )
        change.record(
            "usage_mails.set",
            user.public_id,
            before={mail.value: mail in before for mail in UsageMail},
            after={mail.value: mail in wanted for mail in UsageMail},
        )


def turn_off_usage_mail(link: MailLink, *, by: Actor, now: datetime) -> None:
    """Turn off the kind of email that a link is about. Repeating it does nothing."""
    wanted = mails_wanted(link.organization, link.user) - {link.mail}
    set_usage_mails(organization=link.organization, user=link.user, wanted=wanted, by=by, now=now)


def turn_off_address(organization: Organization, user: User, mail: UsageMail) -> str:
    """Return the address that turns a kind of email off for a person, without signing in."""
    token = SIGNER.sign_object([organization.public_id, user.public_id, mail.value])
    return settings.PUBLIC_URL + reverse("turn_off_usage_mail", args=[token])


def find_mail_link(token: str) -> MailLink:
    """Return what a link is about. Raises NotFound for one that no email has, or of a non-member.

    It works for ever: an old email can turn off those to come.
    """
    try:
        organization_id, user_id, mail = SIGNER.unsign_object(token)
    except signing.BadSignature as error:
        raise NotFound("This link is not complete. Copy all of it from the email.") from error
    membership = (
        Membership.objects.filter(organization__public_id=organization_id, user__public_id=user_id)
        .select_related("organization", "user")
        .first()
    )
    if membership is None:
        raise NotFound("You are no longer a member, and get no such email.")
    return MailLink(membership.organization, membership.user, UsageMail(mail))
