"""Mail: plain and precise, one a cause, sent once."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from accounts.operations.emails import send_due_emails
from capacity.operations.cancellations import cancel_units
from capacity.operations.days import open_due_days
from tests.cast import GROK, Acme, at, load_catalogue, make_acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Acme:
    load_catalogue()
    return make_acme()


def cancel(acme: Acme, lot_id: str, units: int, on: str) -> None:
    cancel_units(
        organization=acme.organization, lot_id=lot_id, units=units, by=acme.alice, now=at(on)
    )


def sent() -> list[str]:
    """Subjects of the mail sent since the last call."""
    send_due_emails(now=timezone.now())
    subjects = [str(message.subject) for message in mail.outbox]
    mail.outbox.clear()
    return subjects


def test_a_purchase_is_confirmed_to_those_who_may_buy(acme: Acme) -> None:
    acme.buys("2026-01-10", input=4, output=4)
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.to == [acme.alice.person.email, acme.bob.person.email]
    assert message.subject == f"You bought capacity on {GROK}"
    assert "4 input units, 126,000 tokens per minute, $10.00 a unit and day" in message.body
    assert "Charged now, at standard rates: $1,760.00" in message.body
    assert "The commitment ends on 2026-02-09" in message.body


def test_nothing_is_sent_twice(acme: Acme) -> None:
    acme.buys("2026-01-10", input=1)
    assert len(sent()) == 1
    assert sent() == []


def test_a_cancellation_says_its_last_charged_day(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    sent()
    cancel(acme, lot.public_id, 3, "2026-01-15")
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject == f"3 input units of {GROK} will end on 2026-02-09"
    assert "The last day charged is 2026-02-08" in message.body


def test_expired_units_are_told_once_a_day_with_their_reason(acme: Acme) -> None:
    purchase = acme.buys("2026-01-10", input=4, output=2)
    for kind in ("input", "output"):
        cancel(acme, acme.lot(purchase, kind).public_id, 2, "2026-01-15")
    open_due_days(organization=acme.organization, now=at("2026-02-08"))
    sent()
    open_due_days(organization=acme.organization, now=at("2026-02-09"))
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject == "Token units of Acme expired on 2026-02-09"
    assert f"2 input units of {GROK}" in message.body
    assert f"2 output units of {GROK}" in message.body
    assert "cancelled" in message.body


def test_a_commitment_about_to_end_is_announced_three_days_before(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancel(acme, lot.public_id, 3, "2026-01-15")
    open_due_days(organization=acme.organization, now=at("2026-02-05"))
    sent()
    open_due_days(organization=acme.organization, now=at("2026-02-06"))
    send_due_emails(now=timezone.now())
    [message] = mail.outbox
    assert message.subject.startswith("Commitments of Acme end on 2026-02-09")
    assert "1 input unit of" in message.body


def test_a_commitment_that_nobody_keeps_is_not_announced(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    cancel(acme, lot.public_id, 4, "2026-01-15")
    open_due_days(organization=acme.organization, now=at("2026-02-05"))
    sent()
    open_due_days(organization=acme.organization, now=at("2026-02-06"))
    assert sent() == []


def test_an_issued_invoice_says_its_total_and_due_date(acme: Acme) -> None:
    acme.buys("2026-01-10", input=4, output=4)
    sent()
    open_due_days(organization=acme.organization, now=at("2026-02-01"))
    assert sent() == ["Invoice 1 of Acme: $1,760.00, due 2026-03-03"]


def test_mail_of_a_change_that_failed_is_never_sent(acme: Acme) -> None:
    lot = acme.lot(acme.buys("2026-01-10", input=4))
    sent()
    with pytest.raises(Exception, match="can still be cancelled"):
        cancel(acme, lot.public_id, 5, "2026-01-15")
    assert sent() == []


def test_a_mail_that_cannot_be_sent_is_put_off_and_holds_up_no_other(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.buys("2026-01-10", input=1)
    globex = make_acme()
    globex.buys("2026-01-10", input=1)
    refuse = acme.alice.person.email

    class Choosy(EmailBackend):
        def send_messages(self, messages: Any) -> int:
            if any(refuse in message.to for message in messages):
                raise SMTPRecipientsRefused({refuse: (550, b"no such user")})
            return super().send_messages(messages)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend", Choosy)
    now = timezone.now()
    send_due_emails(now=now)
    assert [message.to[0] for message in mail.outbox] == [globex.alice.person.email]
    monkeypatch.undo()
    send_due_emails(now=now)
    assert len(mail.outbox) == 1
    send_due_emails(now=now + timedelta(minutes=1))
    assert [message.to[0] for message in mail.outbox][1:] == [refuse]
