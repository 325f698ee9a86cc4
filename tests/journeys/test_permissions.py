"""Which pages the purchaser, the member, the outsider and an unknown visitor may open."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import GROK, World, section, summary

PAGES = ("scale-tier/", "scale-tier/add/", f"scale-tier/models/{GROK}/")


def test_bob_the_purchaser_opens_scale_tier_but_manages_nobody(acme: World, page: Page) -> None:
    acme.signs_in(page, acme.bob)
    for path in PAGES:
        assert _status(page, f"{acme.settings}/{path}") == 200
    page.goto(acme.scale_tier)
    expect(section(page, "Authorized purchasers")).to_contain_text(acme.bob.email)
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    expect(page.get_by_role("link", name="Members")).to_have_count(0)
    assert _status(page, f"{acme.settings}/members/") == 403


def test_mallory_the_member_reads_whom_to_ask(acme: World, page: Page) -> None:
    acme.signs_in(page, acme.mallory)
    expect(page).to_have_url(f"{acme.settings}/api-keys/")
    expect(page.get_by_role("link", name="Scale Tier", exact=True)).to_have_count(1)  # The logo.
    for path in (*PAGES, "members/"):
        assert _status(page, f"{acme.settings}/{path}") == 403
        expect(page.get_by_role("main")).to_contain_text("Only an owner")
        expect(page.get_by_role("main").get_by_role("link", name="Alice")).to_be_visible()


def test_charlie_the_outsider_finds_no_page(acme: World, globex: World, page: Page) -> None:
    globex.signs_in(page, globex.alice)
    for path in (*PAGES, "members/", "api-keys/"):
        assert _status(page, f"{acme.settings}/{path}") == 404
    assert _status(page, f"{acme.settings.replace(acme.organization, 'org_none')}/") == 404


def test_charlie_cannot_open_a_lot_of_others_through_his_own_organization(
    world: World, globex: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=1)
    lot_path = page.get_by_role("button", name="Cancel", exact=True).get_attribute("hx-get") or ""
    context.clear_cookies()
    globex.signs_in(page, globex.alice)
    assert _status(page, world.site.url + lot_path) == 404
    path_in_globex = lot_path.replace(world.organization, globex.organization)
    assert _status(page, world.site.url + path_in_globex) == 404


def test_bob_is_refused_at_once_after_alice_removes_him(
    world: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.bob)
    cookies_of_bob = context.cookies()
    context.clear_cookies()
    world.signs_in(page, world.alice)
    page.goto(world.scale_tier)
    section(page, "Authorized purchasers").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("may no longer buy")).to_be_visible()
    context.clear_cookies()
    context.add_cookies(cookies_of_bob)  # type: ignore[arg-type]  # Playwright takes what it gave.
    assert _status(page, world.scale_tier) == 403


def test_a_visitor_signs_in_and_returns_to_the_page(acme: World, page: Page) -> None:
    page.goto(acme.scale_tier)
    acme.alice.signs_in_here(page)
    expect(page).to_have_url(acme.scale_tier)


def test_alice_keeps_the_typed_units_when_her_session_ends(
    acme: World, page: Page, context: BrowserContext
) -> None:
    acme.signs_in(page, acme.alice)
    acme.chooses(page, GROK, input=1)
    expect(summary(page)).to_contain_text("$300.00")

    context.clear_cookies(name="sessionid")
    page.get_by_label("Input units slider").press("ArrowRight")
    acme.alice.signs_in_here(page)
    expect(summary(page)).to_contain_text("$600.00")
    expect(page.get_by_label("Model", exact=True)).to_have_value(GROK)
    expect(page.get_by_label("Input units", exact=True)).to_have_value("2")

    page.get_by_label("Output units", exact=True).fill("7")
    expect(summary(page)).to_contain_text("$2,700.00")
    page.get_by_role("button", name="Checkout").click()
    expect(page.get_by_role("button", name="Confirm purchase")).to_be_visible()
    context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Confirm purchase").click()
    acme.alice.signs_in_here(page)
    expect(page.get_by_label("Input units", exact=True)).to_have_value("2")
    expect(page.get_by_label("Output units", exact=True)).to_have_value("7")


def test_alice_returns_to_the_model_when_her_session_ends_in_the_cancel_dialog(
    world: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=4)
    page.get_by_role("button", name="Cancel", exact=True).click()
    number = page.get_by_label("Units to cancel", exact=True)
    expect(number).to_be_focused()
    context.clear_cookies(name="sessionid")
    number.fill("2")
    world.alice.signs_in_here(page)
    expect(page).to_have_url(world.model(GROK))
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_visible()


def _status(page: Page, url: str) -> int:
    response = page.goto(url)
    assert response is not None
    return response.status
