"""Who comes in where: the purchaser, the member, the outsider and nobody at the same doors."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import GROK, World, section, summary

DOORS = ("scale-tier/", "scale-tier/add/", f"scale-tier/models/{GROK}/")


def test_bob_the_purchaser_comes_in_but_does_not_manage(acme: World, page: Page) -> None:
    acme.signs_in(page, acme.bob)
    for door in DOORS:
        assert _status(page, f"{acme.settings}/{door}") == 200
    page.goto(acme.scale_tier)
    expect(section(page, "Authorized purchasers")).to_contain_text(acme.bob.email)
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    expect(page.get_by_role("link", name="Members")).to_have_count(0)
    assert _status(page, f"{acme.settings}/members/") == 403


def test_mallory_the_member_is_told_whom_to_ask(acme: World, page: Page) -> None:
    acme.signs_in(page, acme.mallory)
    expect(page).to_have_url(f"{acme.settings}/api-keys/")
    expect(page.get_by_role("link", name="Scale Tier", exact=True)).to_have_count(1)  # The brand.
    for door in (*DOORS, "members/"):
        assert _status(page, f"{acme.settings}/{door}") == 403
        expect(page.get_by_role("main")).to_contain_text("Only an owner")
        expect(page.get_by_role("main").get_by_role("link", name="Alice")).to_be_visible()


def test_charlie_outside_finds_nothing_there(acme: World, elsewhere: World, page: Page) -> None:
    elsewhere.signs_in(page, elsewhere.alice)
    for door in (*DOORS, "members/", "api-keys/"):
        assert _status(page, f"{acme.settings}/{door}") == 404
    assert _status(page, f"{acme.settings.replace(acme.organization, 'org_none')}/") == 404


def test_charlie_finds_no_lot_of_others_in_his_own_organization(
    world: World, elsewhere: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    world.buys(page, GROK, input=1)
    lot = page.get_by_role("button", name="Cancel", exact=True).get_attribute("hx-get") or ""
    context.clear_cookies()
    elsewhere.signs_in(page, elsewhere.alice)
    assert _status(page, world.site.url + lot) == 404
    his = lot.replace(world.organization, elsewhere.organization)
    assert _status(page, world.site.url + his) == 404


def test_bob_is_refused_at_once_when_alice_withdraws_him(
    world: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.bob)
    cookies = context.cookies()
    context.clear_cookies()
    world.signs_in(page, world.alice)
    page.goto(world.scale_tier)
    section(page, "Authorized purchasers").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("may no longer buy")).to_be_visible()
    context.clear_cookies()
    context.add_cookies(cookies)  # type: ignore[arg-type]  # what was read can be written
    assert _status(page, world.scale_tier) == 403


def test_nobody_is_sent_to_sign_in_and_back(acme: World, page: Page) -> None:
    page.goto(acme.scale_tier)
    acme.alice.signs_in_here(page)
    expect(page).to_have_url(acme.scale_tier)


def test_units_typed_outlive_the_session(acme: World, page: Page, context: BrowserContext) -> None:
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


def test_whoever_cancels_after_the_session_ended_is_back_at_the_model(
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


def _status(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    return answer.status
