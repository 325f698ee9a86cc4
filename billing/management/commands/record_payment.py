"""`manage.py record_payment INVOICE`: an invoice was paid outside the payment provider."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.operations.audit import Actor
from billing.operations.payments import record_payment
from billing.queries.invoices import find_any_invoice
from common.errors import BusinessError


class Command(BaseCommand):
    help = "Record that an invoice was paid outside the payment provider, by bank transfer say."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "invoice", metavar="INVOICE", help="its id (inv_…) or its number (NWL-0004)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            invoice = find_any_invoice(options["invoice"])
            was_paid = invoice.payment.status == "paid"
            payment = record_payment(
                invoice=invoice, by=Actor("command"), now=invoice.organization.now()
            )
        except BusinessError as error:
            raise CommandError(error.detail) from error
        total = invoice.money(invoice.total)
        state = "was paid already" if was_paid else f"is {payment.status}: {total} recorded"
        self.stdout.write(f"{invoice} {state}")
