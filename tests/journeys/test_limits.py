"""A spend limit is set, reached, explained, raised, and then the purchase is made (R10)."""

from playwright.sync_api import Page, expect

from tests.journeys.world import GROK, World, section, summary


def test_alice_meets_her_limit_raises_it_and_buys(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    _set_organization_limit(page, world, "Set a limit", "1,000")

    world.chooses(page, GROK, input=5)
    expect(summary(page)).to_contain_text("hard limit $1,000.00, now $0.00")
    page.get_by_role("button", name="Checkout").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The spend limit of the organization is $1,000.00 a period.")
    expect(dialog.get_by_role("button", name="Confirm purchase")).to_have_count(0)

    _set_organization_limit(page, world, "Change limit", "1,100")
    world.buys(page, GROK, input=5)  # 5 units for the 22 days left: exactly the limit.

    page.goto(f"{world.settings}/limits/")
    organization = section(page, "Organization")
    expect(organization.get_by_role("img", name="100% of $1,100.00")).to_be_visible()
    expect(organization).to_contain_text("Left $0.00")


def _set_organization_limit(page: Page, world: World, button: str, amount: str) -> None:
    page.goto(f"{world.settings}/limits/")
    section(page, "Organization").get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Limit a period, USD").fill(amount)
    dialog.get_by_role("button", name="Set limit").click()
    expect(
        page.get_by_role("status").filter(has_text="The limit of the organization is set")
    ).to_be_visible()
