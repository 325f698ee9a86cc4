"""`manage.py order_form ORG --from DATE …`."""

import json
from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from accounts.operations.audit import Actor
from billing.domain.order_forms import DEFAULT_DAYS_UNTIL_DUE, Discounts
from billing.models import OrderForm
from billing.operations.order_forms import create_order_form, full_name, sign_order_form
from billing.queries.order_forms import FormState, find_order_form
from billing.serializers.order_forms import OrderFormSerializer
from capacity.models import Snapshot
from common.errors import BusinessError
from scaletier.management.arguments import (
    parse_anchor_day,
    parse_day,
    parse_days_until_due,
    parse_model_discount,
    parse_percent,
)

COMMAND = Actor("command")


class Command(BaseCommand):
    help = "Make an order form for an organization, signed if a name is given (R23)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", metavar="ORG", help="its id, org_…")
        parser.add_argument(
            "--from",
            dest="starts_on",
            type=parse_day,
            required=True,
            metavar="DATE",
            help="first service day it is in force, UTC",
        )
        parser.add_argument(
            "--until",
            dest="ends_on",
            type=parse_day,
            metavar="DATE",
            help="first service day it is no longer in force; without it, the form has no end",
        )
        parser.add_argument(
            "--discount",
            type=parse_percent,
            default=Decimal(0),
            metavar="PCT",
            help="on every model without a discount of its own",
        )
        parser.add_argument(
            "--model-discount",
            dest="model_discounts",
            type=parse_model_discount,
            action="append",
            default=[],
            metavar="MODEL=PCT",
            help="may be given several times",
        )
        parser.add_argument(
            "--anchor-day",
            type=parse_anchor_day,
            default=1,
            metavar="D",
            help="start of invoice periods; that of the first signed form counts",
        )
        parser.add_argument(
            "--days-until-due",
            type=parse_days_until_due,
            default=DEFAULT_DAYS_UNTIL_DUE,
            metavar="N",
        )
        parser.add_argument("--sign", metavar="NAME", help="sign it with this full name")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            form = self._make(options)
        except BusinessError as error:
            raise CommandError(error.detail) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        organization = form.organization
        state = find_order_form(organization, form.public_id, organization.now().date())
        if options["json"]:
            self.stdout.write(json.dumps(OrderFormSerializer(state).data))
        else:
            self.stdout.write(_in_words(state))

    def _make(self, options: dict[str, Any]) -> OrderForm:
        """Make the form. Everything is checked first, so that a mistake leaves no form behind."""
        organization = Organization.objects.filter(public_id=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization “{options['organization']}”.")
        by_model = dict(options["model_discounts"])
        if len(by_model) < len(options["model_discounts"]):
            raise CommandError("A model has two discounts.")
        known = Snapshot.objects.filter(model__in=by_model).values_list("model", flat=True)
        if unknown := sorted(set(by_model) - set(known)):
            raise CommandError(f"There is no model “{unknown[0]}”.")
        name, ends_on, now = options["sign"], options["ends_on"], organization.now()
        if name is not None:
            name = full_name(name)
            if ends_on and ends_on <= now.date():
                raise CommandError(f"It would have ended already; today is {now.date()}.")
        form = create_order_form(
            organization=organization,
            starts_on=options["starts_on"],
            ends_on=ends_on,
            anchor_day=options["anchor_day"],
            discounts=Discounts(options["discount"], by_model),
            days_until_due=options["days_until_due"],
            by=COMMAND,
            now=now,
        )
        if name is not None:
            form = sign_order_form(form=form, signed_name=name, by=COMMAND, now=now)
        return form


def _in_words(state: FormState) -> str:
    form = state.form
    span = f"until {form.ends_on} (not included)" if form.ends_on else "with no end"
    signature = f"signed by {form.signed_name}" if form.is_signed else "not signed"
    return f"{form}: from {form.starts_on} {span}, {signature}"
