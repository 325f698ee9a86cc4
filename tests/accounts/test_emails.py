"""The queue of emails: whatever is wrong with one, the others go out."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends import smtp
from django.test import Client

from accounts.models import AuditEntry, Membership, Organization, OutboundEmail, Role, User
from accounts.operations.emails import CONTEXTS, send_due_emails
from accounts.operations.invitations import invite
from tests.cast import Acme, at, make_acme

pytestmark = pytest.mark.django_db

NOW = at("2026-01-10")
UNMAILABLE = f"a@{'ä' * 60}.com"


@pytest.fixture
def globex(acme: Acme) -> Acme:
    """Another organization, which bought after Acme: its email is behind Acme's."""
    acme.buys("2026-01-10", input=1)
    globex = make_acme()
    globex.buys("2026-01-10", input=1)
    return globex


def recipients_of_sent_emails(now: datetime = NOW) -> list[str]:
    send_due_emails(now=now)
    return [address for message in mail.outbox for address in message.to]


def test_an_owner_whose_address_cannot_be_mailed_stops_nobody(acme: Acme, globex: Acme) -> None:
    User.objects.filter(pk=acme.alice.person.pk).update(email=UNMAILABLE)
    assert recipients_of_sent_emails() == [
        acme.bob.person.email,
        globex.alice.person.email,
        globex.bob.person.email,
    ]


def test_somebody_whose_user_is_inactive_gets_no_mail(acme: Acme, globex: Acme) -> None:
    User.objects.filter(pk=acme.bob.person.pk).update(is_active=False)
    assert recipients_of_sent_emails() == [
        acme.alice.person.email,
        globex.alice.person.email,
        globex.bob.person.email,
    ]


def test_an_address_of_one_email_that_cannot_be_mailed_stops_nobody(
    acme: Acme, globex: Acme
) -> None:
    OutboundEmail.objects.filter(organization=acme.organization).update(recipient=UNMAILABLE)
    assert set(recipients_of_sent_emails()) == {
        globex.alice.person.email,
        globex.bob.person.email,
    }
    email = OutboundEmail.objects.get(organization=acme.organization)
    assert email.sent_at is None
    assert "UnicodeError" in email.last_error
    assert email.next_attempt_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("wrong", [{"kind": "of_a_later_version"}, {"about": "pur_gone"}])
def test_an_email_that_cannot_be_written_stops_nobody(
    acme: Acme, globex: Acme, wrong: dict[str, str]
) -> None:
    OutboundEmail.objects.filter(organization=acme.organization).update(**wrong)
    assert globex.alice.person.email in recipients_of_sent_emails()
    assert OutboundEmail.objects.get(organization=acme.organization).failures == 1


def test_a_line_break_in_a_name_breaks_no_subject(acme: Acme, globex: Acme) -> None:
    Organization.objects.filter(pk=acme.organization.pk).update(name="Ac\rme")
    invite(
        organization=acme.organization,
        email="dave@example.com",
        role=Role.MEMBER,
        by=acme.alice,
        now=NOW,
        real_now=NOW,
    )
    assert "dave@example.com" in recipients_of_sent_emails()
    assert mail.outbox[-1].subject == "Join Ac me on Scale Tier"


def test_a_database_error_while_one_email_is_written_stops_nobody(
    acme: Acme, globex: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(email: OutboundEmail) -> None:
        Membership.objects.raw("SELECT 1/0 AS id")[0]

    monkeypatch.setitem(CONTEXTS, "of_a_broken_query", fail)
    OutboundEmail.objects.filter(organization=acme.organization).update(kind="of_a_broken_query")
    assert globex.alice.person.email in recipients_of_sent_emails()
    assert "division by zero" in OutboundEmail.objects.get(failures=1).last_error


def test_olga_reads_the_reason_and_has_an_email_tried_again(
    acme: Acme, globex: Acme, olga: Client
) -> None:
    emails = OutboundEmail.objects.filter(organization=acme.organization)
    emails.update(recipient=UNMAILABLE)
    send_due_emails(now=NOW)
    address = "/operator/accounts/outboundemail/"
    assert "UnicodeError" in olga.get(address).text
    emails.update(recipient="alice@example.com")
    form = {"action": "retry", "_selected_action": [emails.get().pk]}
    assert "1 will be tried again" in olga.post(address, form, follow=True).text
    assert "alice@example.com" in recipients_of_sent_emails()
    assert emails.get().last_error == ""
    assert AuditEntry.objects.get(action="email.retried").source == "admin"


def test_an_email_that_is_sent_again_after_a_crash_has_the_same_message_id(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    send_due_emails(now=NOW)
    OutboundEmail.objects.update(sent_at=None)  # As if the worker had died before its commit.
    send_due_emails(now=NOW)
    first, second = (message.extra_headers["Message-ID"] for message in mail.outbox)
    assert first == second


def test_an_invitation_that_is_sent_again_has_another_link_and_another_message_id(
    acme: Acme,
) -> None:
    invite(
        organization=acme.organization,
        email="eve@example.com",
        role=Role.MEMBER,
        by=acme.alice,
        now=NOW,
        real_now=NOW,
    )
    send_due_emails(now=NOW)
    OutboundEmail.objects.update(sent_at=None)
    send_due_emails(now=NOW)
    first, second = mail.outbox
    assert first.body != second.body
    assert first.extra_headers["Message-ID"] != second.extra_headers["Message-ID"]


def test_a_mail_server_that_never_responds_is_given_up() -> None:
    assert smtp.EmailBackend().timeout == 10
