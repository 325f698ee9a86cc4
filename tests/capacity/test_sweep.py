"""The sweep (R7): whose days it opens, whom it leaves behind, and what it reads when idle."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from billing.models import Charge
from capacity.models import Lot
from capacity.operations.days import Opened
from capacity.operations.sweep import LeftBehindError, open_due_days_everywhere
from capacity.tasks import open_due_days
from capacity.usage.queries.invariants import violations
from tests.benchmarks.population import populate
from tests.cast import at, day, make_acme

pytestmark = pytest.mark.django_db


def post_charge_too_early(organization: Organization, on: str) -> Charge:
    """Charge the organization's lot for a day that is not open yet, so that opening it fails."""
    lot = Lot.objects.select_related("snapshot").get(organization=organization)
    return Charge.objects.create(
        organization=organization,
        project_id=lot.project_id,
        lot=lot.public_id,
        model=lot.snapshot.model,
        kind=lot.kind,
        type="renewal",
        posted_on=day(on),
        service_from=day(on),
        service_to=day(on) + timedelta(days=1),
        units=2,
        price_per_day=1000,
        currency="usd",
        amount=2000,
        discount_percent=0,
    )


def make_hundreds_of_customers() -> None:
    """Make more than a batch; the next days to open are the 11th, the 12th or the 13th of March."""
    for today, organizations in (("2026-03-10", 510), ("2026-03-11", 200), ("2026-03-12", 100)):
        populate(organizations, lots_each=1, today=day(today))


def organizations_behind(on: str) -> list[str]:
    """Public ids of the organizations in which a day is not open yet."""
    organizations = Organization.objects.filter(opened_until__lte=on).order_by("pk")
    return list(organizations.values_list("public_id", flat=True))


def test_two_broken_organizations_delay_none_of_the_hundreds_around_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_hundreds_of_customers()
    globex, initech = Organization.objects.filter(opened_until="2026-03-11").order_by("pk")[300:302]
    post_charge_too_early(globex, "2026-03-11")
    post_charge_too_early(initech, "2026-03-13")
    with pytest.raises(LeftBehindError) as sweep:
        open_due_days_everywhere(now=at("2026-03-14"))

    days = 510 * 4 + 200 * 3 + 100 * 2 - 4 - 2
    assert sweep.value.opened == Opened(days=days, charges=days)
    failures = [(failure.organization, str(failure.on)) for failure in sweep.value.failures]
    assert failures == [(globex.public_id, "2026-03-11"), (initech.public_id, "2026-03-13")]
    assert organizations_behind("2026-03-14") == [globex.public_id, initech.public_id]
    assert Charge.objects.filter(organization=globex).count() == 1
    for organization in (globex, initech):
        assert f"{organization.public_id}: 2026-03-1" in caplog.text
    assert caplog.text.count("IntegrityError") >= 2


def test_an_invariant_names_who_was_left_behind_until_the_fault_is_repaired() -> None:
    populate(20, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[7]
    charge = post_charge_too_early(globex, "2026-03-12")
    for today in ("2026-03-13", "2026-03-14"):
        with pytest.raises(LeftBehindError, match=f"1 left behind: {globex.public_id}: 2026-03-12"):
            open_due_days_everywhere(now=at(today))
    violation = next(violations(now=at("2026-03-14")))
    assert violation.invariant.sentence == "Nobody is behind by more than a day"
    assert list(violation.rows) == [f"{globex.public_id}: opened until 2026-03-12"]

    with pgtrigger.ignore():
        charge.delete()
    assert open_due_days_everywhere(now=at("2026-03-14")) == Opened(days=3, charges=3)
    assert Charge.objects.count() == 20 * 4


@contextmanager
def trigger_on_opening(organization: Organization, *, action: str) -> Iterator[None]:
    """Run an action of SQL at the last statement that opens a day, or at the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION fail_to_open() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {action} RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER fail_to_open AFTER UPDATE ON accounts_organization
            DEFERRABLE {"INITIALLY DEFERRED" if "commit" in action else ""}
            FOR EACH ROW WHEN (NEW.id = {organization.pk}) EXECUTE FUNCTION fail_to_open();
            """
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION fail_to_open CASCADE")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "action",
    [
        "RAISE 'while it is opened';",
        "RAISE 'at commit';",
        "PERFORM pg_terminate_backend(pg_backend_pid());",
    ],
    ids=["raises", "raises at commit", "breaks the connection"],
)
def test_whatever_fails_in_one_organization_the_others_are_opened(action: str) -> None:
    populate(30, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[11]
    with trigger_on_opening(globex, action=action), pytest.raises(LeftBehindError) as sweep:
        open_due_days_everywhere(now=at("2026-03-12"))
    assert sweep.value.opened == Opened(days=29 * 2, charges=29 * 2)
    assert organizations_behind("2026-03-12") == [globex.public_id]
    assert open_due_days_everywhere(now=at("2026-03-12")) == Opened(days=2, charges=2)


def test_the_command_fails_at_the_end_and_names_who_was_left_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    populate(20, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[7]
    post_charge_too_early(globex, "2026-03-11")
    with pytest.raises(CommandError, match="1 organizations were left behind"):
        call_command("open_days", "--until", "2026-03-12")
    out, err = capsys.readouterr()
    assert out == "38 days opened, 38 charges, 0 invoices\n"
    [line] = err.splitlines()
    assert line.startswith(f"{globex.public_id}: 2026-03-11 was not opened: IntegrityError: ")


def test_the_task_fails_when_somebody_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    populate(3, lots_each=1, today=yesterday)
    globex = Organization.objects.order_by("pk")[1]
    post_charge_too_early(globex, f"{yesterday + timedelta(days=1)}")
    task = open_due_days.apply()
    assert task.failed()
    assert f"1 left behind: {globex.public_id}" in caplog.text
    # A worker of several processes pickles the error on its way to the log.
    assert str(pickle.loads(pickle.dumps(task.result))) == str(task.result)


def test_an_idle_sweep_reads_a_few_blocks_however_many_organizations_exist() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO accounts_organization
                (name, created_at, is_sandbox, clock_at, opened_until)
            SELECT 'Customer', timestamptz '2026-01-01', false, NULL, date '2026-03-11'
            FROM generate_series(1, 20000)
            UNION ALL
            SELECT 'Sandbox', '2026-01-01', true, timestamptz '2026-01-01', '2026-01-02'
            FROM generate_series(1, 5000);
            ANALYZE accounts_organization
            """
        )
    with CaptureQueriesContext(connection) as queries:
        assert open_due_days_everywhere(now=at("2026-03-10")) == Opened()
    selects = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert len(selects) == 2
    # Both scan an index of due days; what earlier tests have left in it costs some blocks more.
    assert sum(blocks_read(sql) for sql in selects) < blocks_of("accounts_organization") / 10


def blocks_of(table: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s) / 8192", [table])
        return float(cursor.fetchone()[0])


def blocks_read(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        [[[explanation]]] = cursor.fetchall()
    plan = explanation["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_the_sweep_opens_the_days_of_a_sandbox_by_its_own_clock_alone() -> None:
    sandbox = make_acme("2026-01-20", is_sandbox=True).organization
    assert open_due_days_everywhere(now=at("2026-06-01")) == Opened()
    Organization.objects.filter(pk=sandbox.pk).update(clock_at=at("2026-01-23"))
    assert open_due_days_everywhere(now=at("2026-01-01")) == Opened(days=3)
