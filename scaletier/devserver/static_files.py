"""Collects static files if they have changed."""

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from scaletier.static_files import NeededStaticFiles


def collect_if_changed(collect: Callable[[], object]) -> None:
    """Call `collect` unless the same files were collected before: compressing them takes seconds.

    All installations that use this checkout share one folder, so a lock lets only one at a time
    collect.
    """
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fingerprint_file, fingerprint = root / ".sources", _fingerprint()
        if not fingerprint_file.exists() or fingerprint_file.read_text() != fingerprint:
            collect()
            fingerprint_file.write_text(fingerprint)


def _fingerprint() -> str:
    """Return a digest of the storage settings, and of the path, size and time of every file."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list(NeededStaticFiles.ignore_patterns):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
