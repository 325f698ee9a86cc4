"""What every process checks before it starts to work."""

import logging
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, connection

from common.database import UnfitDatabaseError, refuse_outdated_database
from scaletier.database_roles import owns_tables

COMMANDS_WITHOUT_DATA = {
    *("check", "collectstatic", "diffsettings", "findstatic", "help", "makemigrations"),
    *("showmigrations", "spectacular", "sqlmigrate", "test", "version"),
    *("deploy", "migrate", "prepare", "up"),  # They bring the database up to date.
}

COMMANDS_THAT_WAIT = {"gateway"}
"""They start while the database is away, and go on by what was known last."""

logger = logging.getLogger(__name__)


def works_on_data(arguments: Sequence[str]) -> bool:
    """Return whether a command line of `manage.py` needs a database that is up to date."""
    command = arguments[1] if len(arguments) > 1 else "help"
    asks_for_help = command.startswith("-") or {"-h", "--help"}.intersection(arguments)
    return not asks_for_help and command not in COMMANDS_WITHOUT_DATA


def check_database() -> None:
    """Raise UnfitDatabaseError, with one line, unless this process may work on its database.

    Raises OperationalError if the database does not answer.
    """
    refuse_outdated_database()
    if settings.PRODUCTION and owns_tables():
        raise UnfitDatabaseError(
            "The role of DATABASE_URL could change the tables of the product: give the owner's "
            "to SCALETIER_MIGRATION_DATABASE_URL, and another role to DATABASE_URL."
        )


def check_database_once(arguments: Sequence[str] = ()) -> None:
    """Check the database, and keep no connection: the process may fork before it works.

    Raises what `check_database` raises, unless the command line is one that starts without it.
    """
    try:
        check_database()
    except OperationalError as error:
        if not COMMANDS_THAT_WAIT.intersection(arguments[1:2]):
            raise
        reason = str(error).splitlines()[0]
        logger.warning("The database does not answer (%s): starting without it.", reason)
    finally:
        connection.close()


def check_static_files() -> None:
    """Raise SystemExit, with one line, if pages would lack the files they refer to."""
    root = settings.STATIC_ROOT
    if root and not Path(root, "staticfiles.json").exists():
        raise SystemExit("The static files are not collected: run `manage.py deploy`.")
