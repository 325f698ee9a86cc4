"""`/readyz` names what is missing; `tests/devserver/test_faults.py` takes the engines away."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_database_behind_the_code_is_not_ready_by_its_first_missing_migration() -> None:
    assert Client().get("/readyz").json() == {"ready": True, "missing": [], "degraded": []}
    ((app, name),) = MigrationLoader(connection).graph.leaf_nodes("capacity")
    MigrationRecorder(connection).record_unapplied(app, name)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["missing"] == [
        f"The database is behind this code: {app}.{name} is not applied (1 migrations in all)."
    ]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_neither_a_known_host_nor_a_session(path: str) -> None:
    response = Client(headers={"host": "10.0.0.7:8000"}).get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert not response.cookies
