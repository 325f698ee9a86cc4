"""The product's settings, on engines of the tests' own, without what only costs time in tests."""

import os

from tests import engines

engines.start_once()
# Playwright runs an event loop in the thread of the tests; nothing of ours runs in it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

from scaletier.settings import *  # noqa: E402, F403 - settings read what was just started.
from scaletier.settings import CACHES, HOME, STORAGES, VALKEY_URL  # noqa: E402

# Each worker process has counters and queues of its own, as it has a database of its own.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + 1
VALKEY_URL = f"{VALKEY_URL.rpartition('/')[0]}/{WORKER}"
CELERY_BROKER_URL = VALKEY_URL
CACHES = {"default": {**CACHES["default"], "LOCATION": VALKEY_URL}}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Nothing collected: what another process collects meanwhile must not be stumbled over.
STATIC_ROOT = HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)
