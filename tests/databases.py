"""Databases of tests: copies of one that is migrated once for the whole test run."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from tests.engines import one_worker_at_a_time

TEMPLATE = "migrated_template"


def create_test_database() -> None:
    """Create the database of this worker process, and let Django work on it from now on."""
    name = connection.settings_dict["TEST"]["NAME"] or f"test_{connection.settings_dict['NAME']}"
    create_copy(name)
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def create_copy(name: str) -> None:
    """Create an empty database with all migrations, owned by the role of the tests."""
    with one_worker_at_a_time(), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE])
        if not cursor.rowcount:
            _create_template()
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")


@contextmanager
def new_database(name: str) -> Iterator[None]:
    """Let Django work on a database without tables for the length of the block."""
    original = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = original
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def _create_template() -> None:
    """Migrate under another name, so that the template is complete if it exists."""
    original, draft = connection.settings_dict["NAME"], f"{TEMPLATE}_draft"
    names = connection.settings_dict["TEST"]
    test_name, names["NAME"] = names["NAME"], draft
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        connection.close()
    finally:
        names["NAME"] = test_name
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = original
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {draft} RENAME TO {TEMPLATE}")
