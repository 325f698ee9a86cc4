"""Journeys run in a real browser against the whole product. All of them share one installation."""

from collections.abc import Iterator

import pytest

from capacity.operations.catalogue import SHIPPED_CATALOGUE
from tests.journeys.world import World
from tests.site import Site, temporary_home


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The running product, without demo data; `site.manage("sandbox", …)` adds people."""
    with temporary_home() as home:
        site = Site(home)
        site.start("--no-demo")
        site.manage("catalog", "import", str(SHIPPED_CATALOGUE))
        yield site
        assert site.stop() == 0, site.output


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    """The address to which `page.goto` adds a path."""
    return site.url


@pytest.fixture
def world(site: Site) -> World:
    """A sandbox for this test alone, at 2026-01-10 15:20 UTC."""
    return World.at(site)


@pytest.fixture(scope="session")
def globex(site: Site) -> World:
    """Another organization. The tests call its owner Charlie: he is an outsider everywhere else."""
    return World.at(site)


@pytest.fixture(scope="session")
def acme(site: Site) -> World:
    """A sandbox that several tests read and no test changes."""
    return World.at(site)
