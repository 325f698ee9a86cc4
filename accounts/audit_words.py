"""The words of accounts' audit entries, and the names and pages of what they are about."""

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet, Value
from django.urls import reverse

from accounts.models import ApiKey, Invitation, Organization, Project, Role, User
from accounts.queries.audit_words import (
    FieldWords,
    Subject,
    history_of,
    register_actions,
    register_fields,
    subjects_of,
)

FACTORS = {
    "totp": "authenticator app",
    "webauthn": "passkey or security key",
    "recovery_codes": "recovery codes",
    "mfa": "second factor",
}

register_actions(
    "Organization",
    {
        "organization.created": ("Organization created", "Created the organization “{name}”"),
        "organization.changed": ("Organization changed", "Changed the organization"),
        "project.created": ("Project created", "Created the project “{name}”"),
        "project.changed": ("Project changed", "Changed the project “{name}”"),
        "sign_in_requirements.set": (
            "Second factor required, or not",
            "Set whether a second factor is required: {after[second_factor]}",
        ),
        "email.retried": ("Email sent again", "Had an email sent again"),
    },
)
register_actions(
    "Members",
    {
        "member.invited": ("Member invited", "Invited {email} as {role}"),
        "invitation.withdrawn": ("Invitation withdrawn", "Withdrew the invitation of {email}"),
        "member.added": ("Member added", "Added {email} as {role}"),
        "member.role_changed": (
            "Role changed",
            "Changed the role of {subject} from {before[role]} to {after[role]}",
        ),
        "member.removed": ("Member removed", "Removed {email}, {role}"),
        "membership.created": ("Member added by an operator", "Made {user} {role}"),
        "membership.changed": (
            "Role changed by an operator",
            "Changed the role of {subject} from {before[role]} to {after[role]}",
        ),
    },
)
register_actions(
    "People and sign-in",
    {
        "sign_in.succeeded": ("Signed in", "Signed in"),
        "sign_in.failed": ("Sign-in failed", "Failed to sign in as {subject}: wrong {reason}"),
        "password.changed": ("Password changed", "Changed the password of {subject}"),
        "password.reset": ("Password reset", "Set a new password of {subject}, by a link by mail"),
        "second_factor.added": ("Second factor added", "Added a second factor: {type}"),
        "second_factor.removed": ("Second factor removed", "Removed a second factor: {type}"),
        "second_factor.reset": ("Second factor reset", "Reset the second factor of {subject}"),
        "recovery_codes.generated": ("Recovery codes made", "Made new recovery codes"),
        "recovery_codes.removed": ("Recovery codes removed", "Removed the recovery codes"),
        "session.ended": ("Session ended", "Ended a session of {subject}"),
        "user.created": ("Person created by an operator", "Created the person {email}"),
        "user.changed": ("Person changed by an operator", "Changed the person {subject}"),
    },
)
register_actions(
    "API keys",
    {
        "api_key.created": ("API key created", "Created the API key “{name}” ({hint}…)"),
        "api_key.revoked": ("API key revoked", "Revoked the API key “{name}” ({hint}…)"),
        "api_key.used_from_new_address": (
            "API key used from a new address",
            "Used the API key “{name}” ({hint}…) from a new address",
        ),
    },
)
register_actions(
    "Operators",
    {
        "group.created": ("Role of operators created", "Created the role {name}"),
        "group.changed": ("Role of operators changed", "Changed the role {subject}"),
    },
)


def _role(value: str) -> str:
    """Return a role within a sentence: `an authorized purchaser`."""
    label = dict(Role.choices).get(value, value).lower()
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def _factors(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return ", ".join(FACTORS.get(item, item.replace("_", " ")) for item in values)


register_fields(
    {
        "role": FieldWords("Role", _role),
        "email": FieldWords("Email"),
        "hint": FieldWords("Begins with"),
        "type": FieldWords("Type", _factors),
        "removed": FieldWords("Removed", _factors),
        "methods": FieldWords("Signed in with", _factors),
        "api_keys_revoked": FieldWords("API keys revoked"),
        "invited_by": FieldWords("Invited by"),
        "user": FieldWords("Person"),
        "is_active": FieldWords("Can sign in"),
        "is_staff": FieldWords("Operator"),
        "is_superuser": FieldWords("May do everything as an operator"),
        "now": FieldWords("Clock"),
        "second_factor": FieldWords("Second factor required"),
        "keys_refused_from": FieldWords("API keys refused from"),
        "session.ended:address": FieldWords("Address of the session"),
    }
)


def _members_url(organization: Organization, email: str) -> str:
    page = reverse("members", args=[organization.public_id])
    return f"{page}?{urlencode({'members-q': email})}"


@subjects_of("user_", "proj_", "key_", "invite_", "org_")
def accounts_subjects(
    organization: Organization | None, ids: Collection[str]
) -> dict[str, Subject]:
    """Return people, projects, API keys, invitations and organizations by their public ids."""
    own = {"organization": organization} if organization else {}
    itself = {"pk": organization.pk} if organization else {}
    rows: list[QuerySet[Any, tuple[str, str, str]]] = [
        User.objects.filter(public_id__in=ids).values_list("public_id", "name", "email"),
        Project.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "name", Value("project")
        ),
        ApiKey.objects.filter(public_id__in=ids, **own).values_list("public_id", "name", "hint"),
        Invitation.objects.filter(public_id__in=ids, **own).values_list(
            "public_id", "email", "role"
        ),
        Organization.objects.filter(public_id__in=ids, **itself).values_list(
            "public_id", "name", Value("")
        ),
    ]
    found = rows[0].union(*rows[1:], all=True)
    return {key: _subject(organization, key, name, detail) for key, name, detail in found}


def _subject(organization: Organization | None, key: str, name: str, detail: str) -> Subject:
    prefix = key.partition("_")[0]
    texts = {
        "user": name or detail,
        "proj": f"Project “{name}”",
        "key": f"API key “{name}” ({detail}…)",
        "invite": f"Invitation of {name}",
        "org": name,
    }
    if organization is None:
        return Subject(texts[prefix])
    here = [organization.public_id]
    urls = {
        "user": _members_url(organization, detail),
        "proj": f"{reverse('projects', args=here)}?{urlencode({'projects-q': key})}",
        "invite": reverse("members", args=here),
    }
    return Subject(texts[prefix], urls.get(prefix, ""))


@history_of("user_")
def history_of_person(organization: Organization, user_id: str) -> Iterable[str]:
    """Return the person's API keys in the organization."""
    keys = ApiKey.objects.filter(organization=organization, user__public_id=user_id)
    return keys.values_list("public_id", flat=True)
