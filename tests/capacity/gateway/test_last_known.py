"""The last known entitlements on disk: written by one process, read at a start, or ignored."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import time

import pytest

from capacity.gateway import last_known, rows
from capacity.gateway.entitlements import Entitlements, Plan
from capacity.gateway.last_known import LastKnown
from capacity.gateway.loader import Loader
from capacity.gateway.rows import OrganizationRows, Row
from common.tokens import digest
from tests.loops import run

DATABASE = "host:5432/scaletier"
SNAPSHOTS: list[Row] = [
    (7, "grok", Decimal("0.25"), None, date(2027, 1, 1), {"input": 31_500, "output": 12_500}),
    (8, "gpt", Decimal(1), Decimal(6), None, {}),
]
ACME: OrganizationRows = [
    [("org_acme", datetime(2026, 1, 10, 12, tzinfo=UTC), date(2026, 2, 1))],
    [("proj_default", True, False)],
    [(digest("secret"), "key_1", None, True)],
    [(3, "pt_3", 7, True)],
    [(3, "input", 31_500), (3, "output", 12_500)],
    [(3, "input", date(2026, 3, 1), 31_500)],
    [(7, 500, None)],
]
GLOBEX: OrganizationRows = [[("org_globex", None, None)], [], [], [], [], [], []]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway" / "last_known"


def written(path: Path, until: float) -> LastKnown:
    known = LastKnown(path, DATABASE)
    known.replace(SNAPSHOTS)
    known.put({1: ACME, 2: GLOBEX}, gone=())
    run(known.keep(until))
    return known


def test_what_is_written_is_read_again_and_is_our_users_alone(path: Path) -> None:
    known = written(path, 1_000_000_000.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    read = known.read()
    assert read
    assert (read.until, read.snapshots) == (1_000_000_000.5, SNAPSHOTS)
    assert read.organizations == {1: ACME, 2: GLOBEX}


def test_it_is_written_at_most_every_few_seconds_and_stamped_when_nothing_changes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = written(path, 1_000_000_000.0)
    first = path.stat().st_ino
    known.put({}, gone=[2])
    run(known.keep(1_000_000_001.0))
    assert path.stat().st_ino == first, "it is too soon"
    monkeypatch.setattr(last_known, "WRITE_SECONDS", 0)
    run(known.keep(1_000_000_002.0))
    second, read = path.stat().st_ino, known.read()
    assert read
    assert (read.until, read.organizations) == (1_000_000_002.0, {1: ACME})
    monkeypatch.setattr(last_known, "STAMP_SECONDS", 0)
    run(known.keep(1_000_000_009.25))
    read = known.read()
    assert read
    assert (read.until, path.stat().st_ino) == (1_000_000_009.25, second)
    path.unlink()
    run(known.keep(1_000_000_010.0))
    run(known.keep(1_000_000_011.0))
    assert path.exists(), "it is written again"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "ignored"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "the file is broken"),
        (lambda path: change(path, b"pt_3", b"pt_4"), "the file is broken"),
        (lambda path: change(path, rows.VERSION.encode(), b"0"), "another version"),
        (lambda path: path.chmod(0o640), "not our user's alone"),
    ],
)
def test_what_is_of_no_use_is_ignored_and_said(
    path: Path, spoil: Callable[[Path], object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    known = written(path, time())
    spoil(path)
    assert known.read() is None
    assert reason in caplog.text


def test_the_file_of_another_database_is_ignored(path: Path) -> None:
    written(path, time())
    assert LastKnown(path, "host:5432/another").read() is None


def change(path: Path, old: bytes, new: bytes) -> None:
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))


HOLDER = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_keeps_it_and_when_that_ends_another(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_known, "WRITE_SECONDS", 0)
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLDER, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        known = written(path, 1_000_000_000.0)
        assert not path.exists()
        other.kill()
    run(known.keep(1_000_000_001.0))
    assert path.exists()


def test_a_disk_that_fails_is_said_once_and_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(last_known, "WRITE_SECONDS", 0)
    path.parent.write_text("No folder.")
    known = written(path, 1_000_000_000.0)
    run(known.keep(1_000_000_001.0))
    assert caplog.text.count("are not kept") == 1
    path.parent.unlink()
    run(known.keep(1_000_000_002.0))
    assert path.exists()


@pytest.mark.parametrize(("age", "is_taken"), [(50, True), (70, False)])
def test_a_start_without_database_takes_what_is_not_too_old(
    path: Path, age: float, *, is_taken: bool
) -> None:
    known = written(path, time() - age)
    entitlements = Entitlements(Plan(rpm=1, tpm=2))
    nowhere = {"host": str(path.parent), "dbname": "nothing"}
    loader = Loader(entitlements, nowhere, known, longest_age=60)

    async def start() -> None:
        running = asyncio.create_task(loader.run())
        while not loader.is_away:  # noqa: ASYNC110 - once
            await asyncio.sleep(0)
        for _ in range(10):  # What is on disk is read at once.
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])

    run(start())
    assert loader.is_recalled is is_taken
    assert (entitlements.loaded_at is not None) is is_taken
    caller = entitlements.caller("secret")
    assert (caller is not None) is is_taken
    if caller:
        assert age <= loader.age() < age + 5
        assert caller.refused_from == date(2026, 2, 1)
        grok = entitlements.snapshot("grok")
        assert grok
        [pool] = entitlements.pools(caller.organization, grok)
        assert pool.allowance(date(2026, 3, 1)) == {"output": 12_500 * 15}
        assert entitlements.plan(caller.organization, grok) == Plan(rpm=500, tpm=2)
