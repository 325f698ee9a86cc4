"""The Celery application: `celery -A scaletier worker`, `celery -A scaletier beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")

app = Celery("scaletier")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
