"""The font that the style sheet names comes with the product, and nothing moves when it arrives."""

from playwright.sync_api import Browser, Page, expect

from tests.journeys.world import World, hold_requests

MOVED = """() => new Promise((resolve) => {
  let moved = 0;
  new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) moved += shift.value;
  }).observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(moved)));
})"""


def test_inter_is_loaded_once_from_the_product(globex: World, page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{globex.site.url}/accounts/login/")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.fonts.check('14px Inter')")
    [font] = [url for url in requested if "woff2" in url]
    assert font.startswith(f"{globex.site.url}/static/inter/inter-latin-wght-normal")


def test_nothing_moves_when_the_font_arrives_late(globex: World, browser: Browser) -> None:
    page = browser.new_page()
    held = hold_requests(page, "**/*.woff2")
    page.goto(f"{globex.site.url}/accounts/login/", wait_until="commit")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for route in held:
        route.continue_()
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.fonts.check('14px Inter')")
    assert page.evaluate(MOVED) < 0.01
