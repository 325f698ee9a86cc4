from accounts.models.api_key import ApiKey
from accounts.models.audit import AuditEntry
from accounts.models.idempotency import KeptAnswer
from accounts.models.membership import Invitation, Membership, Role
from accounts.models.notice import Notice
from accounts.models.organization import Organization, Project
from accounts.models.user import User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Invitation",
    "KeptAnswer",
    "Membership",
    "Notice",
    "Organization",
    "Project",
    "Role",
    "User",
]
