#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists what there is."""

import os
import sys


def main() -> None:
    """Run the command; one that works on data only if the database is up to date."""
    import django  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415
    from django.db import OperationalError  # noqa: PLC0415

    django.setup()
    from scaletier.startup import check_database_once, works_on_data  # noqa: PLC0415

    try:
        if works_on_data(sys.argv):
            check_database_once(sys.argv)
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "connection" not in str(error):
            raise
        sys.exit(
            f"The database does not answer ({str(error).splitlines()[0]}). Is `make run` up with "
            "the same SCALETIER_HOME? Or set DATABASE_URL."
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")
    try:
        main()
    except KeyboardInterrupt:  # Ctrl-C is an answer, not a fault.
        sys.exit(130)
