"""Says whether the database has everything that this version of the code expects of it."""

from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

HINT = "run `manage.py deploy`"


class UnfitDatabaseError(SystemExit):
    """No process may work on this database; the message says why, in one line.

    It is a `SystemExit`, so that whatever starts the process prints the line and stops.
    """


def unapplied_migrations() -> list[str]:
    """Return the migrations that the database lacks, as `app.name`.

    A database that is ahead, as during an upgrade, lacks nothing.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _ in plan]


def refuse_outdated_database() -> None:
    """Raise UnfitDatabaseError if the database is behind this code, or closed to this role.

    Raises OperationalError if it does not answer.
    """
    try:
        missing = unapplied_migrations()
    except ProgrammingError as error:  # The role has no rights yet.
        reason = str(error).splitlines()[0]
        raise UnfitDatabaseError(f"The database is not prepared ({reason}): {HINT}.") from None
    if missing:
        raise UnfitDatabaseError(
            f"The database is behind this code: {missing[0]} is not applied"
            f" ({len(missing)} migrations in all): {HINT}."
        )
