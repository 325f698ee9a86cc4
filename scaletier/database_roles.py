"""The two roles in the database: the owner of its tables, and the one that the product runs as.

The runtime role reads and writes rows. It cannot change a table, disable a trigger or empty a
table, and of an append-only table it cannot change a row (R19): whoever takes over the product
cannot rewrite its records. Only migrations connect as the owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dj_database_url
import pgtrigger
import psycopg
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

MIGRATION_TABLE = "django_migrations"


def have_two_roles() -> bool:
    """Return whether the settings name an owner beside the role that the product runs as."""
    return bool(settings.MIGRATION_DATABASE_URL)


@contextmanager
def connected_as_owner() -> Iterator[None]:
    """Connect as the owner for the length of the block, if the settings name one."""
    if not have_two_roles():
        yield
        return
    runtime = connection.settings_dict
    owner = dj_database_url.parse(settings.MIGRATION_DATABASE_URL)
    connection.close()
    connection.settings_dict = {**runtime, **owner, "NAME": runtime["NAME"]}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = runtime


@contextmanager
def only_deployment() -> Iterator[None]:
    """Let one deployment work on the database at a time: another waits for the end of the block.

    Raises OperationalError if the database does not answer.
    """
    with psycopg.connect(settings.MIGRATION_DATABASE_URL, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(hashtext('scaletier deploy'))")
        yield


def runtime_role() -> str:
    """Return the role that this connection works as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    return str(role)


def owns_tables() -> bool:
    """Return whether the role of this connection could change the tables, as owner or superuser."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR EXISTS (SELECT FROM pg_class WHERE relnamespace ="
            " current_schema()::regnamespace AND relkind IN ('r', 'p')"
            " AND pg_has_role(current_user, relowner, 'MEMBER'))"
            " FROM pg_roles WHERE rolname = current_user"
        )
        (is_owner,) = cursor.fetchone()
    return bool(is_owner)


def grant_rights(role: str) -> None:
    """Give a role exactly the rights of the runtime role, on tables to come too.

    The connection is that of the owner. Processes that run meanwhile notice nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
        names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema)}
        for statement in GRANTS:
            cursor.execute(sql.SQL(statement).format(**names))
        for table in append_only_tables():
            statement = "REVOKE UPDATE, DELETE ON {table} FROM {role}"
            cursor.execute(sql.SQL(statement).format(table=sql.Identifier(table), **names))
        statement = "REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}"
        table_of_migrations = sql.Identifier(MIGRATION_TABLE)
        cursor.execute(sql.SQL(statement).format(table=table_of_migrations, **names))


def append_only_tables() -> list[str]:
    """Return the tables whose rows nobody may change or delete."""
    return [
        model._meta.db_table
        for model, trigger in pgtrigger.registered()
        if trigger.name == "append_only"
    ]


FUTURE = "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}"
GRANTS = (
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    f"{FUTURE} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {{role}}",
    f"{FUTURE} GRANT USAGE, SELECT ON SEQUENCES TO {{role}}",
)
