"""The product runs as a role that reads and writes rows, and can do nothing else (R19)."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from scaletier.database_roles import append_only_tables, grant_rights, owns_tables
from scaletier.devserver.embedded import runtime_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runtime() -> Iterator[psycopg.Connection]:
    """A connection of the runtime role with the tests' database, of which the tests are owner."""
    grant_rights("scaletier_runtime")
    url = runtime_url(os.environ["DATABASE_URL"])
    name = connection.settings_dict["NAME"]
    with psycopg.connect(url, dbname=name, autocommit=True) as runtime:
        yield runtime


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE billing_charge DISABLE TRIGGER ALL",
        "ALTER TABLE accounts_auditentry DISABLE TRIGGER USER",
        "ALTER TABLE billing_charge ADD COLUMN note text",
        "TRUNCATE accounts_outboundemail",
        "DROP TABLE accounts_auditentry",
        "DROP FUNCTION pgtrigger_append_only_never CASCADE",
        "CREATE TABLE own (id int)",
        "SET session_replication_role = replica",
        "SET ROLE scaletier",
        "ALTER ROLE scaletier_runtime SUPERUSER",
        "DELETE FROM django_migrations",
        "SELECT setval('billing_charge_id_seq', 1)",
    ],
)
def test_the_runtime_role_may_not(statement: str, runtime: psycopg.Connection) -> None:
    if "DROP FUNCTION" in statement:
        statement = statement.replace("pgtrigger_append_only_never", _a_trigger_function())
    with pytest.raises(InsufficientPrivilege):
        runtime.execute(statement.encode())


def _a_trigger_function() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgfoid::regproc::text FROM pg_trigger"
            " WHERE tgrelid = 'billing_charge'::regclass AND NOT tgisinternal LIMIT 1"
        )
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("table", append_only_tables())
def test_no_setting_lets_the_runtime_role_rewrite_a_record(
    table: str, runtime: psycopg.Connection
) -> None:
    """pgtrigger's triggers are off for a session that asks for it, so rights must hold alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(tgname::text) FROM pg_trigger WHERE NOT tgisinternal")
        (triggers,) = cursor.fetchone()
    runtime.execute("SELECT set_config('pgtrigger.ignore', %s::text[]::text, false)", [triggers])
    for statement in ("UPDATE {} SET id = id", "DELETE FROM {}"):
        with pytest.raises(InsufficientPrivilege):
            runtime.execute(sql.SQL(statement).format(sql.Identifier(table)))


def test_the_runtime_role_works_with_rows_and_with_tables_to_come(
    runtime: psycopg.Connection,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (id bigserial PRIMARY KEY)")
    try:
        runtime.execute("INSERT INTO later DEFAULT VALUES")
        runtime.execute("UPDATE later SET id = 7")
        assert runtime.execute("SELECT id FROM later FOR UPDATE").fetchall() == [(7,)]
        runtime.execute("DELETE FROM later")
        runtime.execute("SELECT count(*) FROM billing_charge, django_migrations")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE later")


def test_the_owner_is_told_from_the_runtime_role(
    runtime: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert owns_tables()
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "USER", "scaletier_runtime")
    assert not owns_tables()
    connection.close()


def test_the_runtime_role_has_partitions_made_by_their_owner(runtime: psycopg.Connection) -> None:
    """`usage_keep_partitions` runs as the owner of the tables; it makes what is due, no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_keep_partitions('usage_usageminute')")
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^usage_usageminute_[0-9]{6}$'"
        )
        (partition,) = cursor.fetchone()
        cursor.execute(f"DROP TABLE {partition}")
    assert runtime.execute("SELECT usage_keep_partitions('usage_usageminute')").fetchone() == (1,)
    with pytest.raises(InsufficientPrivilege):
        runtime.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(partition)))
