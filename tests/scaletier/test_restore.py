"""A database that was backed up and restored as docs/production.md says, sends nothing twice."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core import mail
from django.db import connection

from accounts.operations.emails import send_due_emails
from billing.models import InvoiceSync
from billing.operations.invoice_sync import SyncResult, sync_next_invoice
from capacity.models import Lot
from capacity.operations.sweep import open_due_days_everywhere
from scaletier.database_roles import grant_rights, owns_tables
from scaletier.devserver.embedded.postgresql import _binary_folder
from scaletier.startup import check_database
from tests.billing.stripe_cast import ISSUED, Stripe, running_stripe
from tests.cast import Acme, make_acme
from tests.scaletier.clean_machine import commands

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    with running_stripe() as stripe:
        yield stripe


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """Acme has bought, cancelled and been invoiced; mail is waiting."""
    acme = make_acme(discount="12.5")
    acme.cancels(acme.lot(acme.buys("2026-01-10", input=3)), 1, "2026-01-11")
    acme.open_days(f"{ISSUED:%Y-%m-%d}")
    return acme


def run(command: str, database: str, folder: Path) -> None:
    """Run a command of the documentation as the owner of a database of the tests' server."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
    environment = {
        "PATH": f"{_binary_folder()}:/usr/bin:/bin",
        "SCALETIER_MIGRATION_DATABASE_URL": url,
    }
    subprocess.run(["sh", "-eu", "-c", command], check=True, cwd=folder, env=environment)


def back_up(folder: Path) -> None:
    """Back up the tests' database by the command of the documentation."""
    run(commands("Back-up and restore")[0], connection.settings_dict["NAME"], folder)


@contextmanager
def restored(folder: Path) -> Iterator[None]:
    """Work on the back-up, restored by the command of the documentation, as the product does."""
    restore = commands("Back-up and restore")[1]
    original, copy = connection.settings_dict["NAME"], f"restored_{os.getpid()}"
    superuser = os.environ["DATABASE_URL"].replace("scaletier@", "postgres@")
    with psycopg.connect(superuser, dbname="postgres", autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {copy} OWNER scaletier".encode())
        connection.close()
        try:
            run(restore.splitlines()[0], copy, folder)
            connection.settings_dict["NAME"] = copy
            grant_rights("scaletier_runtime")  # `deploy` does, as the last of the commands.
            connection.close()
            connection.settings_dict["USER"] = "scaletier_runtime"
            yield
        finally:
            connection.close()
            connection.settings_dict |= {"NAME": original, "USER": "scaletier"}
            administrator.execute(f"DROP DATABASE {copy} WITH (FORCE)".encode())


def test_a_restored_product_works_and_sends_no_mail_and_no_invoice_twice(
    acme: Acme, stripe: Stripe, tmp_path: Path
) -> None:
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    assert send_due_emails(now=ISSUED) > 0
    mails, requests = len(mail.outbox), len(stripe.requests)
    back_up(tmp_path)
    with restored(tmp_path):
        check_database()
        assert not owns_tables()
        assert send_due_emails(now=ISSUED) == 0
        assert sync_next_invoice(now=ISSUED) is None
        assert open_due_days_everywhere(now=ISSUED).days == 0
        assert Lot.objects.get().active_units == 3
        acme.buys("2026-02-01", input=1)
    assert (len(mail.outbox), len(stripe.requests)) == (mails, requests)


def test_an_invoice_that_stripe_got_after_the_back_up_is_found_there(
    acme: Acme, stripe: Stripe, tmp_path: Path
) -> None:
    back_up(tmp_path)
    assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
    sent = stripe.invoice["id"]
    with restored(tmp_path):
        assert sync_next_invoice(now=ISSUED) is SyncResult.SYNCED
        assert InvoiceSync.objects.get().provider_id == sent
    assert len(stripe.invoices) == 1
    assert stripe.count_emails() == 1
