#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists what there is."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # Ctrl-C is an answer, not a fault.
        sys.exit(130)
    except OperationalError as error:
        if "connection" not in str(error):
            raise
        sys.exit(
            f"The database does not answer ({str(error).splitlines()[0]}). Is `make run` up with "
            "the same SCALETIER_HOME? Or set DATABASE_URL."
        )
