"""Outbound emails: one for each cause, sent once, with a precise text."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.operations.emails import send_due_emails
from tests.cast import GROK, Acme, make_acme

pytestmark = pytest.mark.django_db


def send_emails() -> list[str]:
    """Send what is due, empty the outbox, and return the subjects."""
    send_due_emails(now=timezone.now())
    subjects = [str(message.subject) for message in mail.outbox]
    mail.outbox.clear()
    return subjects


def test_an_email_confirms_a_purchase_to_those_who_may_buy(acme: Acme) -> None:
    acme.buys("2026-01-10", input=4, output=4)
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.to == [acme.alice.person.email, acme.bob.person.email]
    assert message.subject == f"You bought capacity on {GROK}"
    assert "4 input units, 126,000 tokens per minute, $10.00 a unit and day" in message.body
    assert (
        "Charged on 2026-01-10 for 22 days, on the invoice of 2026-02-01: $1,760.00; then $80.00 a "
        "day; committed in all $2,400.00, to 2026-02-08 UTC inclusive." in message.body
    )


def test_an_email_sent_after_the_units_ended_says_what_was_bought(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.cancels(lot, 4, "2026-01-15")
    acme.open_days("2026-02-09")
    send_due_emails(now=timezone.now())
    assert "4 input units, 126,000 tokens per minute" in mail.outbox[0].body


def test_no_email_is_sent_twice(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    assert len(send_emails()) == 1
    assert send_emails() == []


def test_the_email_about_a_cancellation_names_the_last_day_charged(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    send_emails()
    acme.cancels(lot, 3, "2026-01-15")
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject == f"3 input units of {GROK} end after 2026-02-08"
    assert "Their last day, active and charged, is 2026-02-08 UTC" in message.body


def test_one_email_a_day_names_the_expired_units_and_the_reason(acme: Acme) -> None:
    purchase = acme.buys("2026-01-10", input=4, output=2)
    for kind in ("input", "output"):
        acme.cancels(acme.lot(purchase, kind), 2, "2026-01-15")
    acme.open_days("2026-02-08")
    send_emails()
    acme.open_days("2026-02-09")
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject == "Token units of Acme expired after 2026-02-08"
    assert f"2 input units of {GROK}" in message.body
    assert f"2 output units of {GROK}" in message.body
    assert "cancelled" in message.body


def test_an_email_announces_the_end_of_a_commitment_three_days_before(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.cancels(lot, 3, "2026-01-15")
    acme.open_days("2026-02-05")
    send_emails()
    acme.open_days("2026-02-06")
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject.startswith("Commitments of Acme end after 2026-02-08")
    assert "1 input unit of" in message.body


def test_no_email_announces_the_end_of_units_that_are_all_cancelled(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    acme.cancels(lot, 4, "2026-01-15")
    acme.open_days("2026-02-05")
    send_emails()
    acme.open_days("2026-02-06")
    assert send_emails() == []


def test_the_email_about_an_invoice_names_its_total_and_due_date(acme: Acme) -> None:
    acme.buys("2026-01-10", input=4, output=4)
    send_emails()
    acme.open_days("2026-02-01")
    assert send_emails() == ["Invoice ACM-0001 of Acme: $1,760.00, due 2026-03-03"]


def test_no_email_is_sent_about_a_change_that_failed(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    send_emails()
    with pytest.raises(Exception, match="can still be cancelled"):
        acme.cancels(lot, 5, "2026-01-15")
    assert send_emails() == []


def test_an_email_that_cannot_be_sent_is_retried_later_and_delays_no_other(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.buys("2026-01-10", input=1)
    globex = make_acme()
    globex.buys("2026-01-10", input=1)
    alice = acme.alice.person.email

    class BackendRefusingAlice(EmailBackend):
        def send_messages(self, messages: Any) -> int:
            if any(alice in message.to for message in messages):
                raise SMTPRecipientsRefused({alice: (550, b"no such user")})
            return super().send_messages(messages)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend", BackendRefusingAlice)
    now = timezone.now()
    send_due_emails(now=now)
    assert [message.to[0] for message in mail.outbox] == [globex.alice.person.email]
    monkeypatch.undo()
    send_due_emails(now=now)
    assert len(mail.outbox) == 1
    send_due_emails(now=now + timedelta(minutes=1))
    assert [message.to[0] for message in mail.outbox][1:] == [alice]
