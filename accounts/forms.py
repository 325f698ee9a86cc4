"""Forms about members, invitations and API keys."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from accounts.models import ApiKey, Invitation, Project, Role, User
from common.texts import validate_single_line


class PurchaserForm(forms.Form):
    """The member to authorize as a purchaser."""

    email = forms.EmailField(
        label="Email",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "name@example.com"}),
    )


class InvitationForm(forms.Form):
    """The person to invite, and their role."""

    email = forms.EmailField(
        label="Email",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "name@example.com"}),
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.MEMBER)


class RoleForm(forms.Form):
    """The new role of a member."""

    role = forms.ChoiceField(choices=Role.choices)


class ApiKeyForm(forms.Form):
    """The name of a new API key, and the project for which its requests count.

    Without `projects` there is nothing to choose: members do not see them.
    """

    name = forms.CharField(
        label="Name",
        max_length=ApiKey._meta.get_field("name").max_length,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "What it is for"}),
    )
    project = forms.ChoiceField(label="Project")

    def __init__(self, data: Any = None, *, projects: Sequence[Project]) -> None:
        super().__init__(data)
        if len(projects) > 1:
            self.fields["project"].choices = [  # type: ignore[attr-defined]
                (project.public_id, project.name) for project in projects
            ]
        else:
            del self.fields["project"]


class ProjectForm(forms.Form):
    """The name of a project."""

    name = forms.CharField(
        label="Name",
        max_length=Project._meta.get_field("name").max_length,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AcceptInvitationForm(forms.Form):
    """Name and password of an invited person. Their email is that of the invitation."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 8 characters, not a common password.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        name = self.cleaned_data.get("name", "")
        validate_password(password, User(email=self.invitation.email, name=name))
        return password
