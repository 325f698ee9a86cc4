"""The ASGI callable that the web server runs."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scaletier.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - Django is set up first.

from scaletier.request_limits import RequestLimits  # noqa: E402
from scaletier.threaded_handler import ThreadedHandler  # noqa: E402

application = RequestLimits(
    ThreadedHandler(threads=settings.WEB_THREADS), seconds=settings.REQUEST_SECONDS
)
