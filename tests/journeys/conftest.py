"""Journeys run in a real browser against the whole product, one installation for all of them."""

from collections.abc import Iterator

import pytest

from capacity.operations.catalogue import SHIPPED_CATALOGUE
from tests.journeys.world import World
from tests.site import Site, temporary_home


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The running product, without demo data; `site.manage("sandbox", …)` brings people."""
    with temporary_home() as home:
        site = Site(home)
        site.start("--no-demo")
        site.manage("catalog", "import", str(SHIPPED_CATALOGUE))
        yield site
        assert site.stop() == 0, site.output


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    """`page.goto("/")` goes to the site."""
    return site.url


@pytest.fixture
def world(site: Site) -> World:
    """A sandbox of the test's own, at 2026-01-10 15:20 UTC."""
    return World.at(site)


@pytest.fixture(scope="session")
def elsewhere(site: Site) -> World:
    """Another organization, whose owner is an outsider everywhere else: call him Charlie."""
    return World.at(site)


@pytest.fixture(scope="session")
def acme(site: Site) -> World:
    """A sandbox that several tests look at and none changes."""
    return World.at(site)
