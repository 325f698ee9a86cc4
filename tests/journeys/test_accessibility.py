"""axe finds nothing to object to, on any page, in light and dark, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.world import GROK, World

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = (
    "scale-tier/",
    "scale-tier/add/",
    f"scale-tier/add/?model={GROK}&input=4&output=4",
    f"scale-tier/add/checkout/?model={GROK}&input=4&output=4",
    f"scale-tier/add/checkout/?model={GROK}",
    f"scale-tier/models/{GROK}/",
    "invoices/",
    "invoices/upcoming/",
    "clock/",
    "members/",
    "api-keys/",
    "no-such-page/",
)
ACCOUNT = ("login", "password/change", "password/reset", "2fa", "sessions", "logout")


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)], ids=str)
def themed(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    scheme: Literal["light", "dark"]
    scheme, width = request.param
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        bypass_csp=True,  # axe comes as an inline script.
    )
    yield context.new_page()
    context.close()


def test_every_page_is_accessible_and_fits(elsewhere: World, themed: Page) -> None:
    page = themed
    page.goto(f"{elsewhere.site.url}/accounts/login/")
    _examine(page)
    elsewhere.signs_in(page, elsewhere.alice)
    elsewhere.buys(page, GROK, input=4)
    for path in PAGES:
        page.goto(f"{elsewhere.settings}/{path}")
        _examine(page)
    for path in ACCOUNT:
        page.goto(f"{elsewhere.site.url}/accounts/{path}/")
        _examine(page)


def test_a_long_address_fits_on_a_phone_too(elsewhere: World, themed: Page) -> None:
    page = themed
    elsewhere.signs_in(page, elsewhere.alice)
    page.goto(f"{elsewhere.settings}/members/")
    someone = "somebody.with.a.rather.long.name@subsidiary.of.a.company.example"
    page.get_by_label("Email", exact=True).fill(someone)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"Invitation sent to {someone}")).to_be_visible()
    _examine(page)
    page.goto(page.get_by_label(f"Invitation link for {someone}").input_value())
    _examine(page)


def test_every_dialog_and_menu_is_accessible(elsewhere: World, themed: Page) -> None:
    page = themed
    elsewhere.signs_in(page, elsewhere.alice)
    elsewhere.chooses(page, GROK, input=1)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("button", name="Confirm purchase")).to_be_visible()
    _examine(page)
    page.get_by_role("button", name="Confirm purchase").click()
    page.get_by_role("button", name="Cancel", exact=True).first.click()
    expect(page.get_by_role("button", name="Confirm cancellation")).to_be_visible()
    _examine(page)
    page.get_by_label("Units to cancel", exact=True).fill("999")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    _examine(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="your account").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    _examine(page)


def _examine(page: Page) -> None:
    page.evaluate(AXE.read_text())
    result: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    found = [
        f"{page.url}: {violation['id']} at {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
    assert not found, "\n".join(found)
    spill = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(spill) <= 0, f"{page.url} scrolls sideways"
