"""A Valkey of the tests' own, without what earlier tests left in it, and an Admission in it."""

import pytest
from django.conf import settings

from capacity.gateway.admission import Admission
from capacity.gateway.valkey import connect, connect_blocking
from tests.capacity.gateway.people import NOON
from tests.capacity.gateway.scenes import Scene, Stage
from tests.loops import run


@pytest.fixture
def valkey_url() -> str:
    with connect_blocking(settings.VALKEY_URL) as client:
        if keys := list(client.scan_iter("gateway:*")):
            client.delete(*keys)
    return settings.VALKEY_URL


@pytest.fixture
def admission(valkey_url: str) -> Stage:
    """Plays a scene with an Admission whose clock stands at noon until the scene moves it."""

    def play(scene: Scene) -> None:
        async def scene_with_admission() -> None:
            async with connect(valkey_url) as valkey:
                await scene(Admission(valkey, now=NOON))

        run(scene_with_admission())

    return play
