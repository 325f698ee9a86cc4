"""Pictures of the timeline come without moving anything, and are read by keyboard (R22)."""

from playwright.sync_api import Page, Route, expect

from tests.journeys.world import GROK, World, hold_requests, section


def test_a_picture_comes_without_moving_the_page_and_is_read_by_keyboard(
    world: World, page: Page
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, output=4)
    held = hold_requests(page, "**/timeline/")
    timeline = section(page, "Timeline")
    for address, below in (
        (world.scale_tier, "Authorized purchasers"),
        (world.model(GROK), "Active"),
    ):
        page.goto(address)
        expect(timeline).to_contain_text("Loading…")
        timeline.scroll_into_view_if_needed()
        expect(timeline.locator("[data-picture].htmx-request")).to_be_visible()
        before = section(page, below).bounding_box()
        held.pop().continue_()
        expect(timeline.get_by_role("img", name="Output: 50,000 TPM now")).to_be_visible()
        assert section(page, below).bounding_box() == before

    day = timeline.get_by_role("slider", name="Day of the timeline, Output")
    day.focus()
    bought = "2026-01-10: 50,000 TPM, 4 units; 4 units bought"
    expect(day).to_have_attribute("aria-valuetext", bought)
    day.press("ArrowLeft")
    expect(timeline).to_contain_text("2026-01-09: 0 TPM, 0 units")


def test_the_dialogs_show_before_and_after_and_ask_again_after_a_failure(
    world: World, page: Page
) -> None:
    failures = [502, 502]

    def fail_at_first(route: Route) -> None:
        if failures:
            route.fulfill(status=failures.pop(), body="Bad gateway")
        else:
            route.continue_()

    page.route("**/timeline/?*", fail_at_first)
    world.signs_in(page, world.alice)
    world.chooses(page, GROK, output=4)
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    words = "Output: 50,000 TPM after this purchase; no end is foreseen up to 2026-04-10."
    expect(dialog.get_by_role("img", name=words)).to_be_visible()
    assert not failures
    world.confirms_purchase(page)

    section(page, "Active").get_by_role("button", name="Cancel", exact=True).click()
    words = "Output: 50,000 TPM now; falls to 37,500 TPM after 2026-02-08 (1 unit cancelled)."
    expect(dialog.get_by_role("img", name=words)).to_be_visible()
    confirm = dialog.get_by_role("button", name="Confirm cancellation")
    before = confirm.bounding_box()
    dialog.get_by_label("Units to cancel", exact=True).fill("4")
    expect(dialog.get_by_role("img", name="falls to 0 TPM after 2026-02-08")).to_be_visible()
    assert confirm.bounding_box() == before
