"""Pages about members, invitations and API keys.

`permission_required` turns `organization_id` into an access context.
"""

from django.urls import path

from accounts.views import (
    api_keys,
    audit,
    home,
    invitations,
    members,
    sessions,
    sign_in_requirements,
)

SETTINGS = "organizations/<slug:organization_id>/settings"

urlpatterns = [
    path("", home.home, name="home"),
    path("organizations/<slug:organization_id>/", home.organization, name="organization"),
    path(f"{SETTINGS}/", home.organization),
    path("accounts/sessions/<int:session_id>/end/", sessions.end, name="end_session"),
    path("invitations/<slug:token>/", invitations.invitation_page, name="invitation"),
    path(f"{SETTINGS}/members/", members.members_page, name="members"),
    path(f"{SETTINGS}/members/invite/", members.invite_member, name="invite_member"),
    path(
        f"{SETTINGS}/members/invitations/<str:invitation_id>/withdraw/",
        members.withdraw,
        name="withdraw_invitation",
    ),
    path(
        f"{SETTINGS}/members/invitations/<str:invitation_id>/resend/",
        members.resend,
        name="resend_invitation",
    ),
    path(
        f"{SETTINGS}/members/two-factor/",
        sign_in_requirements.require_second_factor,
        name="require_second_factor",
    ),
    path(
        "organizations/<slug:organization_id>/two-factor/",
        sign_in_requirements.second_factor_required,
        name="second_factor_required",
    ),
    path(f"{SETTINGS}/members/<str:user_id>/role/", members.change_role, name="change_role"),
    path(f"{SETTINGS}/members/<str:user_id>/remove/", members.remove, name="remove_member"),
    path(f"{SETTINGS}/audit-log/", audit.audit_page, name="audit"),
    path(f"{SETTINGS}/audit-log/changes.csv", audit.audit_csv, name="audit_csv"),
    path(f"{SETTINGS}/api-keys/", api_keys.api_keys_page, name="api_keys"),
    path(f"{SETTINGS}/api-keys/<str:key_id>/revoke/", api_keys.revoke, name="revoke_api_key"),
]
