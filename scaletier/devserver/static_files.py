"""Collects static files when they have changed."""

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders

from scaletier.static_files import NeededStaticFiles


def collect_if_changed(collect: Callable[[], object]) -> None:
    """Call `collect` unless what it would find was collected already: compressing takes seconds.

    Installations of one checkout share the folder, so only one collects at a time.
    """
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, sources = root / ".sources", _sources()
        if not stamp.exists() or stamp.read_text() != sources:
            collect()
            stamp.write_text(sources)


def _sources() -> str:
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list(NeededStaticFiles.ignore_patterns):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
