"""Account plans: what operators set, by command and by page, counts and is recorded (R25)."""

from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEntry
from accounts.queries.audit_words import in_words
from capacity.models import AccountPlan, Snapshot
from capacity.queries.account_plans import PlanLimits, plan_limits
from tests.cast import GPT, GROK, Acme

pytestmark = pytest.mark.django_db


def account_plan(acme: Acme, model: str = GROK, **limits: Any) -> str:
    output = StringIO()
    options = [f"--{name}={limit}" for name, limit in limits.items()]
    call_command("account_plan", acme.organization.public_id, model, *options, stdout=output)
    return output.getvalue()


def test_a_limit_that_an_operator_sets_counts_and_the_other_stays(acme: Acme) -> None:
    default = f"{settings.ACCOUNT_PLAN_TPM:,} tokens per minute"
    assert account_plan(acme, rpm=500).endswith(f"500 requests per minute, {default}\n")
    account_plan(acme, tpm=200_000)
    assert plan_limits(acme.organization, model=GROK) == PlanLimits(rpm=500, tpm=200_000)
    assert plan_limits(acme.organization, model=GPT).rpm == settings.ACCOUNT_PLAN_RPM
    account_plan(acme, rpm=0)
    assert plan_limits(acme.organization, model=GROK) == PlanLimits(rpm=0, tpm=200_000)
    assert "0 requests per minute, 200,000 tokens" in account_plan(acme), "without a limit it shows"
    entry = AuditEntry.objects.filter(action="account_plan.set").latest("pk")
    assert (entry.before, entry.after) == (
        {"rpm": 500, "tpm": 200_000},
        {"rpm": 0, "tpm": 200_000},
    )
    [words] = in_words([entry], acme.organization)
    assert words.sentence == f"Set the limits of the account plan on {GROK}"


@pytest.mark.parametrize("wrong", ["-1", "1.5", "1e3", "10000000000000"])
def test_a_limit_that_is_no_count_is_refused(acme: Acme, wrong: str) -> None:
    with pytest.raises(CommandError, match="whole number from 0"):
        account_plan(acme, rpm=wrong)
    with pytest.raises(CommandError, match="There is no model “gpt-0”"):
        account_plan(acme, model="gpt-0", rpm=1)
    assert not AccountPlan.objects.exists()


def test_olga_sets_a_plan_on_its_page(acme: Acme, olga: Client) -> None:
    grok = Snapshot.objects.get(model=GROK)
    page = "/operator/capacity/accountplan/"
    values = {"organization": acme.organization.pk, "snapshot": grok.pk, "rpm": "500", "tpm": ""}
    assert olga.post(f"{page}add/", values).status_code == 302
    again = olga.post(f"{page}add/", values)
    assert "This organization has a plan on this model already." in again.content.decode()
    plan = AccountPlan.objects.get()
    assert (plan.rpm, plan.tpm) == (500, None)
    assert olga.post(f"{page}{plan.pk}/change/", {"rpm": "7", "tpm": "9"}).status_code == 302
    entry = AuditEntry.objects.filter(action="accountplan.changed").get()
    assert (entry.organization, entry.subject) == (acme.organization, GROK)
    assert (entry.before, entry.after) == ({"rpm": 500, "tpm": None}, {"rpm": 7, "tpm": 9})
    assert GROK in olga.get(page).content.decode()
