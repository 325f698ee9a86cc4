"""The Celery application of `make run` with demo data: the product's own, and live traffic.

`celery -A scaletier.devserver.demo_celery worker` and `… beat`. Nothing else imports it, so neither
production nor `make run` without demo data has such a task.
"""

from datetime import timedelta

from scaletier.celery import app

__all__ = ["app"]

SECONDS = 10
"""Between two runs."""

app.conf.include = [*app.conf.include, "scaletier.devserver.live_traffic"]
app.conf.beat_schedule = {
    **app.conf.beat_schedule,
    "live traffic": {
        "task": "scaletier.devserver.live_traffic.add_live_requests",
        "args": (SECONDS,),
        "schedule": timedelta(seconds=SECONDS),
        "options": {"expires": SECONDS},
    },
}
