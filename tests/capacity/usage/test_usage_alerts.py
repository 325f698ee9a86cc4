"""Usage alerts: their rules, that each is told once, and the emails about usage."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from accounts.operations.emails import send_due_emails
from capacity.operations.clock import advance_clock
from capacity.usage.domain.windows import WINDOW
from capacity.usage.models import (
    ExhaustedWindow,
    UsageAlertSettings,
    UsageMail,
    UsageMailOptOut,
)
from capacity.usage.operations.alerts import set_usage_alerts
from capacity.usage.operations.sweep import raise_usage_alerts_everywhere
from capacity.usage.queries.alerts import named, usage_alerts
from tests.capacity.usage.traffic import allowance, output_came
from tests.cast import GROK, Acme, at, make_acme, person, signed_in

pytestmark = pytest.mark.django_db

DAY = "2026-01-10"
NOON = at(DAY)


def sets_alerts(acme: Acme, *, on: datetime, **rules: int | None) -> UsageAlertSettings:
    """Alice sets the rules; those she leaves out are off."""
    numbers: dict[str, Any] = {"percent": None, "exhausted_windows": None, "idle_days": None}
    return set_usage_alerts(
        organization=acme.organization,
        **{"windows_in_a_row": 1, **numbers, **rules},
        by=acme.alice,
        now=on,
    )


def moves_clock(acme: Acme, to: datetime) -> None:
    """The clock of a sandbox is moved; then the sweep comes, at any real time."""
    advance_clock(organization=acme.organization, to=to, by=acme.alice)
    raise_usage_alerts_everywhere(now=at("2020-01-01"))


def told(acme: Acme) -> list[tuple[str, str]]:
    """The rule and the time of each alert, the oldest first."""
    rows = usage_alerts(acme.organization).order_by("starts_at", "rule")
    return [(row.rule, f"{row.starts_at:%d %H:%M}") for row in rows]


def mails() -> list[mail.EmailMessage]:
    """Send what is due and return the messages about usage."""
    mail.outbox.clear()
    send_due_emails(now=timezone.now())
    return [message for message in mail.outbox if "List-Unsubscribe" in message.extra_headers]


def windows(*tokens: int, start: datetime = NOON) -> dict[datetime, int]:
    """Tokens of windows that follow one another; 0 is a window without traffic."""
    return {start + number * WINDOW: count for number, count in enumerate(tokens) if count}


def test_each_rule_is_met_once_however_the_sweeps_come(acme: Acme) -> None:
    acme.buys("2026-01-05", output=10)
    sets_alerts(acme, on=NOON, percent=50, windows_in_a_row=2, exhausted_windows=2, idle_days=5)
    full, more, less = allowance(10), allowance(6), allowance(5)
    tokens = windows(more, full + 1, full + 1, more, less, more, 0, more, more, full + 1)
    output_came(acme, tokens, now=NOON + 4 * WINDOW)
    for step in range(4, 40, 2):  # From 13:00, two windows at a time, up to 22:00.
        now = NOON + step * WINDOW
        output_came(acme, {now + timedelta(days=30): 1}, now=now)  # Closes the windows.
        for _ in range(2):
            raise_usage_alerts_everywhere(now=now)
    expected = [
        ("utilisation", "10 12:15"),
        ("exhausted", "10 12:30"),
        ("utilisation", "10 14:00"),
    ]
    assert told(acme) == expected
    assert [len(message.to) for message in mails()] == [1, 1, 1]
    at_once = make_acme()
    at_once.buys("2026-01-05", output=10)
    sets_alerts(at_once, on=NOON, percent=50, windows_in_a_row=2, exhausted_windows=2, idle_days=5)
    output_came(at_once, tokens, now=at("2026-01-11", "00:30"))
    before = transaction.savepoint()
    raise_usage_alerts_everywhere(now=at("2026-01-11", "00:30"))  # After an outage.
    transaction.savepoint_rollback(before)  # The worker dies before it commits.
    for _ in range(2):
        raise_usage_alerts_everywhere(now=at("2026-01-11", "00:30"))
    assert told(at_once) == expected
    [message] = mails()
    assert message.subject == "Acme: 3 usage alerts"
    assert "Utilisation: Output of grok-4-1-fast-reasoning" in message.body
    assert (
        "2 windows on 2026-01-10, the last from 12:30 to 12:45 UTC: "
        f"{full + 1:,} of {full:,} tokens, 100%" in message.body
    )


def test_windows_before_the_rule_was_set_do_not_count(acme: Acme) -> None:
    acme.buys("2026-01-05", output=1)
    full = allowance(1) + 1
    output_came(acme, windows(*[full] * 12), now=at(DAY, "13:30"))
    sets_alerts(acme, on=at(DAY, "13:30"), percent=50, windows_in_a_row=3, exhausted_windows=2)
    output_came(acme, {at(DAY, "23:00"): 1}, now=at(DAY, "23:00"))
    raise_usage_alerts_everywhere(now=at(DAY, "23:00"))
    # Closed before: those up to 12:15. The first that counts is 12:30, although it had traffic.
    assert told(acme) == [("exhausted", "10 12:45"), ("utilisation", "10 13:00")]
    sets_alerts(acme, on=at(DAY, "23:30"), percent=50, windows_in_a_row=4)
    raise_usage_alerts_everywhere(now=at("2026-01-11", "00:30"))
    assert len(told(acme)) == 2


def test_a_change_of_the_rules_leaves_none_unfound_that_was_met_before(acme: Acme) -> None:
    acme.buys("2026-01-05", output=1)
    sets_alerts(acme, on=NOON, exhausted_windows=1)
    output_came(acme, windows(allowance(1) + 1), now=at(DAY, "13:15"))
    sets_alerts(acme, on=at(DAY, "13:15"))
    assert told(acme) == [("exhausted", "10 12:00")]


def test_idle_units_are_told_once_in_the_days_of_the_rule(acme: Acme) -> None:
    acme.buys("2026-01-05", output=3)
    output_came(acme, {NOON - timedelta(days=2): allowance(1)}, now=NOON)
    sets_alerts(acme, on=NOON, idle_days=3)
    for hours in range(0, 24 * 6, 5):
        raise_usage_alerts_everywhere(now=NOON + timedelta(hours=hours))
    rows = usage_alerts(acme.organization).order_by("starts_at")
    assert [(f"{row.starts_at:%m-%d}", row.units, row.per_day) for row in rows] == [
        ("01-10", 2, 2_000),
        ("01-13", 3, 3_000),
        ("01-16", 3, 3_000),
    ]
    assert named(rows)[0].text == (
        "2 units unused for 3 days, to 2026-01-09 UTC: $20.00 a day at standard rates"
    )


def test_sandboxes_are_looked_at_by_their_own_clock(catalogue: None) -> None:
    acme = make_acme("2026-01-05", is_sandbox=True)
    acme.buys("2026-01-05", output=1)
    sets_alerts(acme, on=at("2026-01-05"), idle_days=2)
    raise_usage_alerts_everywhere(now=at("2026-06-01"))
    assert told(acme) == []
    moves_clock(acme, at("2026-01-08", "01:00"))
    assert told(acme) == [("idle", "08 00:00")]


def test_each_alert_has_its_email_also_if_it_is_found_while_the_clock_stands(
    catalogue: None,
) -> None:
    acme = make_acme("2026-01-05", is_sandbox=True)
    acme.buys("2026-01-05", output=1)
    sets_alerts(acme, on=at("2026-01-05"), exhausted_windows=1)
    output_came(acme, windows(allowance(1) + 1), now=at(DAY, "14:00"))
    moves_clock(acme, at(DAY, "14:00"))
    assert ["Exhausted windows: Output" in message.body for message in mails()] == [True]
    sets_alerts(acme, on=at(DAY, "14:00"), exhausted_windows=1, idle_days=1)
    raise_usage_alerts_everywhere(now=at("2026-06-01"))
    [message] = mails()
    assert "1 unit unused for 1 day" in message.body
    assert "Exhausted" not in message.body


def test_an_organization_in_which_it_fails_delays_no_other_and_is_found_later(
    acme: Acme, caplog: pytest.LogCaptureFixture
) -> None:
    globex = make_acme()
    for customer in (acme, globex):
        customer.buys("2026-01-05", output=1)
        sets_alerts(customer, on=NOON, exhausted_windows=1)
        output_came(customer, windows(allowance(1) + 1), now=at(DAY, "14:00"))
    broken = ExhaustedWindow.objects.filter(organization=acme.organization)
    broken.update(kind="unknown")
    raise_usage_alerts_everywhere(now=at(DAY, "14:00"))
    assert told(globex) == [("exhausted", "10 12:00")]
    assert told(acme) == []
    assert f"{acme.organization.public_id}: its usage alerts were not raised" in caplog.text
    broken.update(kind="output")
    raise_usage_alerts_everywhere(now=at(DAY, "14:00"))
    assert told(acme) == [("exhausted", "10 12:00")]
    assert len(mails()) == 2


def test_settings_are_audited_and_checked(acme: Acme) -> None:
    sets_alerts(acme, on=NOON, percent=80, windows_in_a_row=4, idle_days=7)
    with pytest.raises(ValidationError):
        sets_alerts(acme, on=NOON, percent=100)
    [entry] = AuditEntry.objects.filter(action="usage_alerts.set")
    assert entry.before == {
        "utilisation_percent": None,
        "windows_in_a_row": None,
        "exhausted_windows": None,
        "idle_days": None,
    }
    assert entry.after is not None
    assert (entry.after["utilisation_percent"], entry.after["windows_in_a_row"]) == (80, 4)


def test_the_weekly_summary_comes_at_most_once_a_week_to_each_owner_who_wants_it(
    acme: Acme,
) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    acme.buys("2026-01-02", output=2)
    days = [NOON + timedelta(hours=6 * step) for step in range(4 * 16)]
    sent = []
    for now in days:
        raise_usage_alerts_everywhere(now=now)
        sent += [(f"{now:%m-%d}", message) for message in mails()]
    assert [(day, message.to) for day, message in sent] == [
        (day, [actor.person.email])
        for day in ("01-10", "01-17", "01-24")
        for actor in (acme.alice, dora)
    ]
    assert sent[0][1].subject == "Capacity of Acme: some is unused"
    assert f"2 output units of {GROK}: $20.00 a day at standard rates" in sent[0][1].body


def link_of(message: mail.EmailMessage) -> str:
    found = re.search(r"Turn it off:\s+http://[^/]+(/\S+)", str(message.body))
    assert found
    assert message.extra_headers["List-Unsubscribe"].endswith(f"{found[1]}>")
    return found[1]


def test_the_link_in_the_summary_turns_it_off_for_this_owner_alone(catalogue: None) -> None:
    acme = make_acme("2026-01-02", is_sandbox=True)
    dora = person("Dora", acme.organization, Role.OWNER)
    acme.buys("2026-01-02", output=2)
    moves_clock(acme, NOON)
    link = next(link_of(message) for message in mails() if message.to == [dora.person.email])
    visitor = Client(enforce_csrf_checks=True)
    assert "Turn off this email?" in visitor.get(link).text
    assert not UsageMailOptOut.objects.exists()  # Who only looks changes nothing.
    for _ in range(2):
        response = visitor.post(link, {"List-Unsubscribe": "One-Click"})
        assert "Turned off" in response.text
    [declined] = UsageMailOptOut.objects.all()
    assert (declined.user, declined.mail) == (dora.person, UsageMail.SUMMARY)
    [entry] = AuditEntry.objects.filter(action="usage_mails.set")
    assert (entry.actor, entry.subject) == (dora.person, dora.person.public_id)
    assert entry.after == {"usage_summary": False, "usage_alerts": True}
    moves_clock(acme, NOON + timedelta(days=7))
    assert [message.to for message in mails()] == [[acme.alice.person.email]]
    assert visitor.get(link[:-8] + "xxx/off/").status_code == 404
    acme.organization.memberships.filter(user=dora.person).delete()
    assert visitor.post(link).status_code == 404


def url(acme: Acme, route: str) -> str:
    return reverse(route, args=[acme.organization.public_id])


FORM = {"percent": "80", "windows_in_a_row": "", "exhausted_windows": "1", "idle_days": "3"}


def test_only_owners_see_alerts_and_bad_numbers_are_named_and_kept(catalogue: None) -> None:
    acme = make_acme(is_sandbox=True)
    for actor, status in ((acme.bob, 403), (acme.mallory, 403), (acme.charlie, 404)):
        for route in ("usage_alerts", "set_usage_alerts"):
            assert signed_in(actor).get(url(acme, route)).status_code == status
        for route in ("set_usage_alerts", "set_usage_mails"):
            assert signed_in(actor).post(url(acme, route), FORM).status_code == status
    for field, value in (("percent", "100"), ("exhausted_windows", "x"), ("idle_days", "31")):
        response = signed_in(acme.alice).post(url(acme, "set_usage_alerts"), FORM | {field: value})
        assert response.status_code == 422
        assert "Enter a whole number of" in response.text
        assert f'value="{value}"' in response.text
    assert not UsageAlertSettings.objects.exists()


def test_alice_sets_rules_and_reads_what_met_them(catalogue: None) -> None:
    acme = make_acme("2026-01-05", is_sandbox=True)
    alice = signed_in(acme.alice)
    assert "All rules are off" in alice.get(url(acme, "usage_alerts")).text
    page = alice.post(url(acme, "set_usage_alerts"), FORM, follow=True).text
    assert "Above 80% <small>in 4 windows in a row</small>" in page
    assert "No rule has been met" in page
    acme.buys("2026-01-05", output=1)
    start = at("2026-01-05")
    output_came(acme, windows(allowance(1) + 1, start=start), now=at("2026-01-05", "13:30"))
    moves_clock(acme, at("2026-01-09", "02:00"))
    page = alice.get(url(acme, "usage_alerts")).text
    assert page.index("Idle units</span>") < page.index("Exhausted windows</span>")
    assert "1 unit unused for 3 days" in page
    rows = alice.get(url(acme, "usage_alerts"), {"alerts-rule": "exhausted"}).text
    assert "1 alert match" in rows
    assert "unused for 3 days" not in rows
    assert "No alert matches" in alice.get(url(acme, "usage_alerts"), {"alerts-q": "gpt"}).text


def test_alice_turns_the_emails_of_alerts_off_on_the_page(catalogue: None) -> None:
    acme = make_acme(DAY, is_sandbox=True)
    alice = signed_in(acme.alice)
    page = alice.post(url(acme, "set_usage_mails"), {"usage_summary": "on"}, follow=True).text
    assert page.count(" checked") == 1
    acme.buys(DAY, output=1)
    sets_alerts(acme, on=NOON, exhausted_windows=1)
    output_came(acme, windows(allowance(1) + 1), now=at(DAY, "14:00"))
    moves_clock(acme, at(DAY, "14:00"))
    assert told(acme)
    assert mails() == []


def test_an_email_that_is_turned_off_before_it_is_sent_is_not_sent(acme: Acme) -> None:
    dora = person("Dora", acme.organization, Role.OWNER)
    acme.buys("2026-01-05", output=1)
    sets_alerts(acme, on=NOON, exhausted_windows=1)
    output_came(acme, windows(allowance(1) + 1), now=at(DAY, "13:15"))
    raise_usage_alerts_everywhere(now=at(DAY, "13:15"))
    UsageMailOptOut.objects.create(
        organization=acme.organization, user=dora.person, mail=UsageMail.ALERTS
    )
    assert [message.to for message in mails()] == [[acme.alice.person.email]]
