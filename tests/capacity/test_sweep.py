"""The sweep (R7): whom it opens days for, whom it leaves behind, and what an idle knock reads."""

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
from capacity.queries.invariants import violations
from capacity.tasks import open_due_days
from tests.benchmarks.population import populate
from tests.cast import at, day, make_acme

pytestmark = pytest.mark.django_db


def charge_by_hand(organization: Organization, on: str) -> Charge:
    """Damage: the organization's lot is charged for a day that is not open yet."""
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


def hundreds_of_customers() -> None:
    """More than a batch, with days to open from the 11th, the 12th or the 13th of March on."""
    for today, organizations in (("2026-03-10", 510), ("2026-03-11", 200), ("2026-03-12", 100)):
        populate(organizations, lots_each=1, today=day(today))


def behind(on: str) -> list[str]:
    """Public ids of those that are not opened up to a day, that day included."""
    found = Organization.objects.filter(opened_until__lte=on).order_by("pk")
    return list(found.values_list("public_id", flat=True))


def test_one_broken_organization_holds_up_none_of_the_hundreds_around_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hundreds_of_customers()
    globex, initech = Organization.objects.filter(opened_until="2026-03-11").order_by("pk")[300:302]
    charge_by_hand(globex, "2026-03-11")
    charge_by_hand(initech, "2026-03-13")
    with pytest.raises(LeftBehindError) as sweep:
        open_due_days_everywhere(now=at("2026-03-14"))

    days = 510 * 4 + 200 * 3 + 100 * 2 - 4 - 2
    assert sweep.value.opened == Opened(days=days, charges=days)
    named = [(failure.organization, str(failure.on)) for failure in sweep.value.failures]
    assert named == [(globex.public_id, "2026-03-11"), (initech.public_id, "2026-03-13")]
    assert behind("2026-03-14") == [globex.public_id, initech.public_id]
    assert Charge.objects.filter(organization=globex).count() == 1
    for organization in (globex, initech):
        assert f"{organization.public_id}: 2026-03-1" in caplog.text
    assert caplog.text.count("IntegrityError") >= 2


def test_who_was_left_behind_is_named_by_the_invariants_and_caught_up_once_mended() -> None:
    populate(20, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[7]
    damage = charge_by_hand(globex, "2026-03-12")
    for evening in ("2026-03-13", "2026-03-14"):
        with pytest.raises(LeftBehindError, match=f"1 left behind: {globex.public_id}: 2026-03-12"):
            open_due_days_everywhere(now=at(evening))
    named = next(violations(now=at("2026-03-14")))
    assert named.invariant.sentence == "Nobody is behind by more than a day"
    assert list(named.rows) == [f"{globex.public_id}: opened until 2026-03-12"]

    with pgtrigger.ignore():
        damage.delete()
    assert open_due_days_everywhere(now=at("2026-03-14")) == Opened(days=3, charges=3)
    assert Charge.objects.count() == 20 * 4


@contextmanager
def every_opening_of(organization: Organization, *, does: str) -> Iterator[None]:
    """A trigger in the database, at the last statement of a day or at its commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {does} RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER break_it AFTER UPDATE ON accounts_organization
            DEFERRABLE {"INITIALLY DEFERRED" if "commit" in does else ""}
            FOR EACH ROW WHEN (NEW.id = {organization.pk}) EXECUTE FUNCTION break_it();
            """
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION break_it CASCADE")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "does",
    [
        "RAISE 'while it is opened';",
        "RAISE 'at commit';",
        "PERFORM pg_terminate_backend(pg_backend_pid());",
    ],
    ids=["raises", "raises at commit", "breaks the connection"],
)
def test_whatever_goes_wrong_the_others_go_on(does: str) -> None:
    populate(30, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[11]
    with every_opening_of(globex, does=does), pytest.raises(LeftBehindError) as sweep:
        open_due_days_everywhere(now=at("2026-03-12"))
    assert sweep.value.opened == Opened(days=29 * 2, charges=29 * 2)
    assert behind("2026-03-12") == [globex.public_id]
    assert open_due_days_everywhere(now=at("2026-03-12")) == Opened(days=2, charges=2)


def test_open_days_names_who_was_left_behind_and_fails_after_everything_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    populate(20, lots_each=1, today=day("2026-03-10"))
    globex = Organization.objects.order_by("pk")[7]
    charge_by_hand(globex, "2026-03-11")
    with pytest.raises(CommandError, match="1 organizations were left behind"):
        call_command("open_days", "--until", "2026-03-12")
    out, err = capsys.readouterr()
    assert out == "38 days opened, 38 charges, 0 invoices\n"
    [line] = err.splitlines()
    assert line.startswith(f"{globex.public_id}: 2026-03-11 was not opened: IntegrityError: ")


def test_the_task_fails_loudly_when_someone_is_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    populate(3, lots_each=1, today=yesterday)
    globex = Organization.objects.order_by("pk")[1]
    charge_by_hand(globex, f"{yesterday + timedelta(days=1)}")
    failed = open_due_days.apply()
    assert failed.failed()
    assert f"1 left behind: {globex.public_id}" in caplog.text
    # So it reaches the log of a worker of many processes too.
    assert str(pickle.loads(pickle.dumps(failed.result))) == str(failed.result)


def test_an_idle_knock_reads_a_few_blocks_however_many_organizations_there_are() -> None:
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
    with CaptureQueriesContext(connection) as knock:
        assert open_due_days_everywhere(now=at("2026-03-10")) == Opened()
    asked = [query["sql"] for query in knock if query["sql"].startswith("SELECT")]
    assert len(asked) == 2
    assert sum(blocks_read(sql) for sql in asked) < 20


def blocks_read(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        [[[explained]]] = cursor.fetchall()
    plan = explained["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_a_sandbox_that_is_due_is_opened_by_its_own_clock_alone() -> None:
    sandbox = make_acme("2026-01-20", is_sandbox=True).organization
    assert open_due_days_everywhere(now=at("2026-06-01")) == Opened()
    Organization.objects.filter(pk=sandbox.pk).update(clock_at=at("2026-01-23"))
    assert open_due_days_everywhere(now=at("2026-01-01")) == Opened(days=3)
