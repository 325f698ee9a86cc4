"""The Celery application: `celery -A scaletier worker`, `celery -A scaletier beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")

# Why: `scaletier.broker`.
TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "scaletier.broker:Transport"))

app = Celery("scaletier")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def refuse_unfit_database(**_signal: Any) -> None:
    """Stop the worker or beat at its start, with one line, if the database is not fit for it."""
    from django.db import OperationalError  # noqa: PLC0415 - needs the settings

    from scaletier.startup import check_database_once  # noqa: PLC0415

    try:
        check_database_once()
    except OperationalError as error:
        raise SystemExit(f"The database does not answer: {str(error).splitlines()[0]}") from None
