"""The product's settings, with the tests' own engines, and without what only makes tests slower."""

import os

from tests import engines

engines.start_once()
# Playwright runs an event loop in the tests' thread, so Django would refuse to use the database.
# Using it is safe: none of our code runs in the event loop.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from scaletier.settings import *  # noqa: E402, F403 - after `start_once`.
from scaletier.settings import CACHES, VALKEY_URL  # noqa: E402

# Each worker process has its own counters and queues, as it has its own database.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
VALKEY_URL = f"{VALKEY_URL.rpartition('/')[0]}/{WORKER}"
CELERY_BROKER_URL = GATEWAY_VALKEY_URL = VALKEY_URL
CACHES = {"default": {**CACHES["default"], "LOCATION": VALKEY_URL}}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # Of people who are made by commands.
]
