"""Admin pages of emails, which can be tried again, and of the audit log."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from accounts.admin.audited import ReadOnlyAdmin, now_in, operator
from accounts.models import AuditEntry, OutboundEmail
from accounts.operations.emails import retry_email


@admin.register(OutboundEmail)
class OutboundEmailAdmin(ReadOnlyAdmin):
    """The emails that are enqueued or sent, with the last error of each."""

    list_display = ("created_at", "organization", "kind", "sent_at", "failures", "last_error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter), "kind")
    search_fields = ("public_id", "about", "recipient", "organization__public_id")
    list_select_related = ("organization",)
    ordering = ("-pk",)
    actions = ("retry",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may change emails, which the action below requires."""
        return request.user.has_perm("accounts.change_outboundemail")

    @admin.action(description="Try again now", permissions=["retry"])
    def retry(self, request: HttpRequest, selected: models.QuerySet[OutboundEmail]) -> None:
        emails = selected.select_related("organization")
        by = operator(request)
        retried = sum(
            retry_email(email=email, by=by, now=now_in(email.organization)) for email in emails
        )
        self.message_user(request, f"{retried} will be tried again; only unsent ones can be.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "organization", "actor", "source", "action", "subject")
    list_filter = ("source", "action")
    search_fields = ("subject", "actor__email", "organization__public_id")
    list_select_related = ("organization", "actor")
