"""The audit log as owners read it: in words, filtered, downloaded, and long (R19)."""

import csv
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, Role
from accounts.operations.audit import Actor
from accounts.operations.changes import Caller
from accounts.operations.members import set_role
from accounts.queries.audit import audit_entries
from accounts.queries.audit_words import in_words
from billing.domain.money import Money
from billing.operations.limits import set_spend_limit
from capacity.operations.cancellations import undo_cancellation
from tests.api_client import ApiCast, make_api_cast, with_session
from tests.cast import GROK, Acme, at, make_acme, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("same_minute")]

DAY = "2026-01-10"
STATEMENTS = 12  # At most, as on every page.


@pytest.fixture
def acme(catalogue: None) -> Acme:
    """A sandbox with a lot, cancellations of its units, and a limit; Bob became a member."""
    acme = make_acme(DAY, is_sandbox=True)
    alice = acme.alice.person
    acme.alice = Actor("page", alice, "203.0.113.7")
    lot = acme.lot(acme.buys(DAY, input=4))
    undone = acme.cancels(lot, 1, DAY)
    caller = Caller(organization=acme.organization, by=acme.alice, now=at(DAY))
    undo_cancellation(**caller, cancellation_id=undone.public_id)
    acme.cancels(lot, 3, DAY)
    for amount, is_hard in ((500_000, True), (800_000, False)):
        set_spend_limit(
            **caller,
            project_id=None,
            amount=Money(amount, "usd"),
            is_hard=is_hard,
            alerts=[80],
        )
    set_role(**caller, user_id=acme.bob.person.public_id, role=Role.MEMBER)
    return acme


@pytest.fixture
def log(acme: Acme) -> Callable[..., Any]:
    """Read Acme's log, with some filters; returns the response."""
    alice, address = signed_in(acme.alice), reverse("audit", args=[acme.organization.public_id])
    return lambda **query: alice.get(address, filters(query))


def filters(query: dict[str, str]) -> dict[str, str]:
    return {f"entries-{name}": value for name, value in query.items()}


def sentences(response: Any) -> list[str]:
    return [row.sentence for row in response.context["entries_in_words"]]


def test_each_change_is_a_sentence_with_its_values_before_and_after(acme: Acme) -> None:
    rows = in_words(list(audit_entries(acme.organization)), acme.organization)
    assert [row.sentence for row in rows] == [
        "Changed the role of Bob from an authorized purchaser to a member",
        "Set the spend limit of Acme to $8,000.00",
        "Set the spend limit of Acme to $5,000.00",
        f"Cancelled 3 units of lot of 4 input units of {GROK}; last day 2026-02-08 UTC",
        f"Undid the cancellation of 1 input unit of {GROK}",
        f"Cancelled 1 unit of lot of 4 input units of {GROK}; last day 2026-02-08 UTC",
        f"Bought 4 input units of {GROK}",
        *(
            f"Added {actor.person.email} as {role}"
            for actor, role in (
                (acme.mallory, "a member"),
                (acme.bob, "an authorized purchaser"),
                (acme.alice, "an owner"),
            )
        ),
        "Signed the order form from 2026-01-10 as “Alice”",
        "Made an order form from 2026-01-10 UTC on",
        "Created the organization “Acme”",
    ]
    assert {(row.person, row.email, row.origin) for row in rows} == {
        ("Alice", acme.alice.person.email, "Browser session"),
        ("Scale Tier", "", "Command of an operator"),
    }
    limit, purchase = rows[1].changes, rows[6].changes
    assert [(change.label, change.before, change.after) for change in limit] == [
        ("Kind of limit", "hard", "soft"),
        ("Limit a period", "$5,000.00", "$8,000.00"),
    ]
    assert [(change.label, change.before, change.after) for change in purchase] == [
        ("Charged at once, standard rates", None, "$880.00"),
        ("Model", None, GROK),
        ("Units", None, "4 input units"),
    ]
    assert rows[6].subject.url.endswith(f"/models/{GROK}/?lots-q={rows[6].entry.subject}#lots")
    assert rows[3].subject.url.endswith(f"/lots/{acme.organization.lots.get().public_id}/")


def test_owners_alone_read_the_page_which_says_from_where_and_shows_no_json(
    acme: Acme, log: Callable[..., Any]
) -> None:
    for name in ("audit", "audit_csv"):
        address = reverse(name, args=[acme.organization.public_id])
        people = (acme.alice, acme.bob, acme.mallory, acme.charlie)
        assert [signed_in(who).get(address).status_code for who in people] == [200, 403, 403, 404]
        assert Client().get(address).status_code == 302
    page = log()
    assert "Bought 4 input units" in page.text
    assert "203.0.113.7" in page.text
    assert "by this sandbox’s clock" in page.text
    for sign in ("{&quot;", "{&#x27;", "None", "True", "&quot;:"):
        assert sign not in page.text


def test_an_entry_names_the_api_key_or_the_session_of_its_request() -> None:
    api = make_api_cast(DAY)
    api.alice.post("projects", {"name": "By key"})
    browser = with_session(api.acme.alice, api.acme.organization)
    browser.post("projects", {"name": "By session"})
    own = api.acme.organization.audit_entries.filter(action="project.created")
    key = api.acme.organization.api_keys.get(user=api.acme.alice.person)
    by_session, by_key = in_words(list(own.order_by("-pk")), api.acme.organization)
    assert by_key.origin == f"API key “Tests” ({key.hint}…)"
    assert by_session.origin == "API"
    entries = api.alice.get("audit", action="project.created").json()["data"]
    assert [entry["key"] for entry in entries] == [None, key.public_id]
    first_use = api.alice.get("audit", action="api_key.used_from_new_address").json()["data"][0]
    assert first_use["key"] == first_use["subject"] == key.public_id


FOUND: list[tuple[dict[str, str], int]] = [
    ({}, 13),
    ({"q": "SPEND limit"}, 2),
    ({"q": "203.0.113"}, 7),
    ({"q": "alice-"}, 7 + 1),
    ({"q": GROK[:9]}, 1),
    ({"q": "%"}, 0),
    ({"action": "units.cancelled"}, 2),
    ({"person": "none"}, 6),
    ({"since": "2026-01-10", "until": "2026-01-10"}, 13),
    ({"since": "2026-01-11"}, 0),
    ({"until": "2026-01-09"}, 0),
    ({"until": "9999-12-31"}, 13),
]
IGNORED = [
    ({"person": "user_x"}, "Person is never “user_x”; it is ignored."),
    ({"action": "tea.made"}, "Action is never “tea.made”; it is ignored."),
    ({"since": "10.1.2026"}, "From is a date, YYYY-MM-DD; it is ignored."),
    (
        {"since": "2026-01-12", "until": "2026-01-11"},
        "2026-01-12 is after 2026-01-11; both days are ignored.",
    ),
]


def test_entries_are_searched_and_filtered(
    log: Callable[..., Any], subtests: pytest.Subtests
) -> None:
    for query, count in FOUND:
        with subtests.test(str(query)):
            assert log(**query).context["entries"].count == count
    for query, hint in IGNORED:
        with subtests.test(hint):
            page = log(**query)
            assert page.context["entries"].count == 13
            assert hint in page.text


def test_everything_leads_to_its_own_history(acme: Acme) -> None:
    """Of a lot that is its purchase, its cancellations and its expiry; of a person their keys."""
    lot = acme.organization.lots.get().public_id
    acme.open_days("2026-02-10")
    alice, here = signed_in(acme.alice), acme.organization.public_id
    history = follow(alice, reverse("lot", args=[here, lot]), lot)
    assert [entry.action for entry in history.context["entries"]] == [
        "units.expired",
        "units.cancelled",
        "cancellation.undone",
        "units.cancelled",
        "units.bought",
    ]
    assert f"History of lot of 4 input units of {GROK}" in history.text
    [invoice] = acme.organization.invoices.all()
    page = reverse("invoice", args=[here, invoice.public_id])
    issued = follow(alice, page, invoice.public_id)
    assert sentences(issued) == [f"Issued invoice {invoice.display_number} of $880.00"]
    bob = acme.bob.person.public_id
    assert len(sentences(follow(alice, reverse("members", args=[here]), bob))) == 2
    key = alice.post(reverse("api_keys", args=[here]), {"name": "CI"}).context["new_key"]
    created = follow(alice, reverse("api_keys", args=[here]), key.public_id)
    assert sentences(created) == [f"Created the API key “CI” ({key.hint}…)"]
    assert ">History<" not in signed_in(acme.bob).get(reverse("api_keys", args=[here])).text


def test_projects_and_order_forms_lead_to_their_history(acme: Acme) -> None:
    alice, here = signed_in(acme.alice), acme.organization.public_id
    projects = reverse("projects", args=[here])
    alice.post(projects, {"name": "Search"})
    project = acme.organization.projects.get(name="Search")
    alice.post(reverse("archive_project", args=[here, project.public_id]))
    assert sentences(follow(alice, projects, project.public_id)) == [
        "Changed the project “Search”",
        "Created the project “Search”",
    ]
    form = acme.signs("2026-02-01", on=DAY).public_id
    history = follow(alice, reverse("read_order_form", args=[here, form]), form)
    assert sentences(history) == [
        "Signed the order form from 2026-02-01 as “Alice”",
        "Made an order form from 2026-02-01 UTC on",
    ]


def follow(browser: Client, page: str, subject: str) -> Any:
    """Follow the link to the history of a subject that a page has."""
    here, _, _ = page.partition("/settings/")
    log = f"{here}/settings/audit-log/?entries-subject={subject}"
    assert f'href="{log}"' in browser.get(page).text
    return browser.get(log)


def test_the_csv_has_what_the_filters_leave_in_words(acme: Acme) -> None:
    address = reverse("audit_csv", args=[acme.organization.public_id])
    alice = signed_in(acme.alice)
    response = alice.get(address, filters({"action": "limit.set", "sort": "oldest", "q": "800000"}))
    [row] = csv.DictReader(StringIO(b"".join(response).decode()))
    assert (row["at"], row["person"], row["from"], row["address"], row["before"], row["after"]) == (
        "2026-01-10T12:00:00Z",
        "Alice",
        "Browser session",
        "203.0.113.7",
        "Kind of limit: hard; Limit a period: $5,000.00",
        "Kind of limit: soft; Limit a period: $8,000.00",
    )
    assert alice.get(address, filters({"since": "yesterday"})).status_code == 400


def test_the_api_has_the_same_filters(api: ApiCast) -> None:
    lot = api.alice.buys(input=4)["lots"][0]["id"]
    api.bob.post(f"lots/{lot}/cancellations", {"units": 1}, key="k")
    bob = api.acme.bob.person.public_id

    def actions(**query: str) -> list[str]:
        return [entry["action"] for entry in api.alice.get("audit", **query).json()["data"]]

    assert actions(subject=lot) == ["units.cancelled", "units.bought"]
    assert actions(actor=bob, action="units.cancelled") == ["units.cancelled"]
    assert "api_key.created" in actions(subject=bob)
    assert actions(**{"from": "2026-01-11"}) == actions(to="2026-01-10") == []
    assert len(actions(**{"from": "2026-01-10", "to": "2026-01-11"})) > 5
    problem = api.alice.get("audit", **{"from": "today"})
    assert (problem.status_code, list(problem.json()["errors"])) == (400, ["from"])


MANY = """
    INSERT INTO accounts_auditentry (organization_id, actor_id, source, action, subject, after, at)
    SELECT %(organization)s, %(actor)s, 'page', 'units.cancelled', 'lot_' || md5(number::text),
           '{"units": 1, "lot": "none", "ends_on": "2026-03-01"}',
           timestamptz '2026-01-11' + number * interval '1 minute'
    FROM generate_series(1, %(many)s) number
"""


def test_ten_thousand_entries_cost_a_page_no_more_statements_and_few_blocks(
    acme: Acme, log: Callable[..., Any], subtests: pytest.Subtests
) -> None:
    """Each filter that leaves few entries has an index, which the database uses."""
    bob, lot = acme.bob.person.public_id, acme.organization.lots.get().public_id
    alice = acme.alice.person.public_id
    log()  # The first request stores the session.
    few = statements(lambda: log(subject=lot, q="units", person=alice))
    for organization in (acme.organization, make_acme(DAY).organization):
        add_many(organization.pk, acme.bob.person.pk)
    many = statements(lambda: log(subject=lot, q="units", person=alice))
    assert len(many) == len(few) <= STATEMENTS
    queries: list[dict[str, str]] = [
        {"subject": lot},
        {"person": alice},
        {"action": "limit.set"},
        {"since": "2026-01-17", "until": "2026-01-17", "person": alice},
    ]
    for query in queries:
        with subtests.test(str(query)):
            assert blocks_of(partial(log, **query)) < 250
    with subtests.test("all"):
        assert log(person=bob).context["entries"].count == 10_000
        assert blocks_of(log) < 1500


def add_many(organization: int, actor: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"organization": organization, "actor": actor, "many": 10_000})
        cursor.execute("ANALYZE accounts_auditentry")
    assert AuditEntry.objects.filter(organization=organization).count() > 10_000


def statements(read: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert read().status_code == 200
    return [query["sql"] for query in queries]


def blocks_of(read: Callable[[], Any]) -> int:
    """The blocks of the database that a page reads of the log."""
    return sum(blocks_read(sql) for sql in statements(read))


def blocks_read(sql: str) -> int:
    if "accounts_auditentry" not in sql:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        [[[explanation]]] = cursor.fetchall()
    plan = explanation["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
