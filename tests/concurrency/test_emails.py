"""Two workers that send emails at the same time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread, main_thread

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from accounts.models import OutboundEmail
from accounts.operations.emails import send_due_emails
from tests.cast import Acme, at

pytestmark = pytest.mark.django_db(transaction=True)

NOW = at("2026-01-10")


def send_in_another_thread() -> int:
    def send() -> int:
        try:
            return send_due_emails(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(send).result(timeout=60)


def test_an_email_that_one_worker_is_sending_is_left_alone_by_the_other(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.buys("2026-01-10", input=1)
    sent_by_the_other: list[int] = []

    class BackendWithASecondWorker(EmailBackend):
        """A second worker starts while the first one talks to the mail server."""

        def send_messages(self, messages: Sequence[EmailMessage]) -> int:
            if current_thread() is main_thread():
                sent_by_the_other.append(send_in_another_thread())
            return super().send_messages(messages)

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend", BackendWithASecondWorker)
    assert send_due_emails(now=NOW) == 1
    assert sent_by_the_other == [0]
    assert len(mail.outbox) == 1
    assert OutboundEmail.objects.get().failures == 0
