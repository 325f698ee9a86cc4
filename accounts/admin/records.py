"""Admin pages of emails, which can be tried again, of keys, invitations and the audit log."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin.audited import ReadOnlyAdmin, now_in, operator
from accounts.models import ApiKey, AuditEntry, Invitation, OutboundEmail
from accounts.operations.emails import retry_email
from accounts.queries.audit_words import ACTIONS, EntryInWords, in_words


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


class ActionFilter(admin.SimpleListFilter):
    """The actions that have words; to ask the log for all of its own would read it whole."""

    title = "action"
    parameter_name = "action__exact"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return sorted(
            ((action, words.label) for action, words in ACTIONS.items()), key=lambda pair: pair[1]
        )

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> models.QuerySet[Any]:
        action = self.value()
        return queryset.filter(action=action) if action else queryset


SOURCES = [
    ("page", "Page"),
    ("api", "API"),
    ("admin", "Operator"),
    ("command", "Command"),
    ("stripe", "Stripe"),
    ("time", "Time"),
]


class SourceFilter(admin.SimpleListFilter):
    """Where changes came from."""

    title = "source"
    parameter_name = "source__exact"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return SOURCES

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> models.QuerySet[Any]:
        source = self.value()
        return queryset.filter(source=source) if source else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log of all customers and of the platform."""

    list_display = ("recorded_at", "organization", "actor", "source", "what", "subject")
    list_filter = (SourceFilter, ActionFilter)
    search_fields = ("subject", "actor__email", "organization__public_id", "public_id")
    list_select_related = ("organization", "actor")
    ordering = ("-pk",)
    show_full_result_count = False
    fields = (
        "public_id",
        "organization",
        "sentence",
        "action",
        "subject",
        "changes",
        "actor",
        "source",
        "api_key",
        "address",
        "at",
        "recorded_at",
    )
    readonly_fields = ("sentence", "changes")

    @admin.display(description="What")
    def what(self, entry: AuditEntry) -> str:
        """Return the action in words that need no name: a list has a hundred of them."""
        return EntryInWords(entry, {}).label

    @admin.display(description="What")
    def sentence(self, entry: AuditEntry) -> str:
        return in_words([entry], entry.organization)[0].sentence

    @admin.display(description="Before → after")
    def changes(self, entry: AuditEntry) -> SafeString:
        return format_html_join(
            "",
            "{}: {} → {}<br>",
            (
                (change.label, change.before or "—", change.after or "—")
                for change in in_words([entry], entry.organization)[0].changes
            ),
        )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys without their secrets, of which only a digest is stored."""

    list_display = (
        "public_id",
        "organization",
        "user",
        "name",
        "hint",
        "last_used_at",
        "revoked_at",
    )
    search_fields = ("public_id", "name", "hint", "user__email", "organization__public_id")
    list_select_related = ("organization", "user")
    ordering = ("-pk",)
    exclude = ("digest",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations without the secrets of their links, of which only a digest is stored."""

    list_display = ("public_id", "organization", "email", "role", "expires_at", "accepted_at")
    search_fields = ("public_id", "email", "organization__public_id")
    list_select_related = ("organization",)
    ordering = ("-pk",)
    exclude = ("token_digest",)
