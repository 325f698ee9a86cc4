"""axe finds no violation on any page, in light and dark, on wide and narrow screens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.journeys.world import GROK, World

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
RUN_AXE = """only => axe.run(document, {runOnly: only, resultTypes: ["violations"]})
    .then(results => results.violations)"""
"""The details of what is good would be most of the result."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""Whatever else axe looks at is the same in light and dark."""

PAGES = (
    "scale-tier/",
    "scale-tier/timeline/",
    "scale-tier/add/",
    f"scale-tier/add/?model={GROK}&input=4&output=4",
    f"scale-tier/add/checkout/?model={GROK}&input=4&output=4",
    f"scale-tier/add/checkout/?model={GROK}",
    f"scale-tier/models/{GROK}/",
    f"scale-tier/models/{GROK}/timeline/",
    "purchase-requests/",
    "purchase-requests/threshold/",
    "order-form/",
    f"order-form/?model={GROK}&input_tpm=x&output_tpm=40000&model=gpt-5.4&input_tpm=1&output_tpm=",
    "limits/",
    "limits/organization/",
    "forecast/",
    "usage/",
    "showback/",
    "usage/landing/?pool=pt_nope&request=greq_nope",
    f"usage/landing/?model={GROK}&output_tokens=0",
    "usage/alerts/",
    "usage/alerts/rules/",
    "scale-tier/usage-now/",
    "scale-tier/callouts/",
    "plan-capacity/",
    f"plan-capacity/?model={GROK}&input_tpm=60000&output_tpm=x",
    f"scale-tier/add/recommended/?model={GROK}",
    "billing-details/",
    "invoices/",
    "invoices/upcoming/",
    "clock/",
    "projects/",
    "members/",
    "members/two-factor/",
    "api-keys/",
    "audit-log/",
    "no-such-page/",
)
ACCOUNT_PAGES = ("password/change", "password/reset", "2fa", "sessions", "logout")


@pytest.fixture(scope="module")
def alice_signed_in(globex: World, browser: Browser) -> StorageState:
    """The cookies of Alice, who has signed in and bought a lot: all walks look at the same data."""
    with browser.new_context() as context:
        page = context.new_page()
        globex.signs_in(page, globex.alice)
        globex.buys(page, GROK, input=4)
        globex.uses(page, ("2026-01-10T15:16:00Z", 3_000_000))
        return context.storage_state()


@pytest.fixture(params=[1280, 390], ids=str)
def sized_page(
    request: pytest.FixtureRequest, browser: Browser, alice_signed_in: StorageState
) -> Iterator[Page]:
    """Alice's browser, signed in. It is so high that pages load all that appears on scrolling."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 6000},
        reduced_motion="reduce",
        color_scheme="light",
        storage_state=alice_signed_in,
        bypass_csp=True,  # The policy forbids inline scripts, and axe is injected as one.
    )
    yield context.new_page()
    context.close()


def test_every_page_is_accessible_and_fits_the_screen(globex: World, sized_page: Page) -> None:
    page = sized_page
    for path in PAGES:
        page.goto(f"{globex.settings}/{path}")
        _check_accessibility(page)
    page.goto(f"{globex.settings}/usage/?window=1d")
    page.goto(page.get_by_role("link", name="Why").evaluate("link => link.href"))
    _check_accessibility(page)
    for path in ACCOUNT_PAGES:
        page.goto(f"{globex.site.url}/accounts/{path}/")
        _check_accessibility(page)
    page.goto(f"{globex.site.url}/accounts/reauthenticate/?next=/accounts/2fa/webauthn/add/")
    _check_accessibility(page)
    page.get_by_label("Password").fill(globex.alice.password)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    _check_accessibility(page)
    page.goto(f"{globex.site.url}/accounts/2fa/totp/activate/")
    _check_accessibility(page)
    page.context.clear_cookies()
    page.goto(f"{globex.site.url}/accounts/login/")
    _check_accessibility(page)


def test_a_long_email_address_fits_on_a_phone(globex: World, sized_page: Page) -> None:
    page = sized_page
    page.goto(f"{globex.settings}/members/")
    email = "somebody.with.a.rather.long.name@subsidiary.of.a.company.example"
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {email}")).to_be_visible()
    _check_accessibility(page)
    page.goto(globex.invitation_link(email))
    _check_accessibility(page)


def test_every_dialog_and_menu_is_accessible(globex: World, sized_page: Page) -> None:
    page = sized_page
    globex.chooses(page, GROK, input=1)
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("img", name="after this purchase")).to_be_visible()
    page.get_by_text("As a table").click()
    _check_accessibility(page)
    page.goto(globex.model(GROK))
    page.get_by_role("button", name="Cancel", exact=True).first.click()
    expect(page.get_by_role("button", name="Confirm cancellation")).to_be_visible()
    _check_accessibility(page)
    page.get_by_label("Units to cancel", exact=True).fill("999")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    _check_accessibility(page)
    page.goto(f"{globex.settings}/usage/?window=15m")
    page.get_by_role("link", name="Why").click()
    expect(page.get_by_role("dialog").get_by_text("ran out at 15:16")).to_be_visible()
    _check_accessibility(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="your account").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    _check_accessibility(page)


def _check_accessibility(page: Page) -> None:
    # All parts of the page have come.
    expect(page.locator(".htmx-request, .chart-loading")).to_have_count(0)
    page.evaluate(AXE.read_text())
    violations = _violations(page, {"type": "tag", "values": RULES})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    violations += _violations(page, {"type": "rule", "values": RULES_OF_COLOURS})
    assert not violations, "\n".join(violations)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0, f"{page.url} scrolls sideways"


def _violations(page: Page, only: dict[str, Any]) -> list[str]:
    violations: list[dict[str, Any]] = page.evaluate(RUN_AXE, only)
    return [
        f"{page.url}: {violation['id']} at {node['html'][:120]}"
        for violation in violations
        for node in violation["nodes"]
    ]
