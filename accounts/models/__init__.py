from accounts.models.api_keys import ApiKey, ApiKeyAddress
from accounts.models.audit import FAILED_SIGN_IN, AuditEntry
from accounts.models.emails import OutboundEmail
from accounts.models.members import Invitation, Membership, Role
from accounts.models.organizations import Organization
from accounts.models.projects import Project
from accounts.models.stored_responses import StoredResponse
from accounts.models.users import User

__all__ = [
    "FAILED_SIGN_IN",
    "ApiKey",
    "ApiKeyAddress",
    "AuditEntry",
    "Invitation",
    "Membership",
    "Organization",
    "OutboundEmail",
    "Project",
    "Role",
    "StoredResponse",
    "User",
]
