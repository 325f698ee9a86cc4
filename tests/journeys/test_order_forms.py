"""From interest to signature: asked for, answered, read, signed, printed, and then bought (R23)."""

import re

from playwright.sync_api import Page, expect

from tests.journeys.world import GROK, World, section
from tests.site import Site

PASSWORD = "a long enough password"
MAKE_OLGA = f"""
from accounts.models import User
olga = User.objects.filter(email="olga@example.com").first()
olga = olga or User.objects.create_superuser("olga@example.com", name="Olga")
olga.set_password({PASSWORD!r})
olga.save()
"""


def test_alice_asks_olga_answers_alice_signs_and_buys(site: Site, page: Page) -> None:
    world = World.at(site, "2026-01-10T15:20:00Z", "--no-order-form")
    world.signs_in(page, world.alice)
    page.get_by_role("link", name="Ask for an order form").click()
    _ask_for_two_models(page)
    page.context.clear_cookies()

    site.manage("shell", "--no-imports", "-c", MAKE_OLGA)
    _olga_answers(world, page)
    page.context.clear_cookies()

    world.signs_in(page, world.alice)
    page.get_by_role("link", name="Read and sign the next order form").click()
    expect(page.get_by_role("article")).to_contain_text("2026-01-10")
    page.get_by_role("link", name="Sign", exact=True).press("Enter")
    page.get_by_label("Password").fill(world.alice.password)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign order form").press("Enter")
    expect(page.get_by_text("Type your full name.")).to_be_visible()
    page.get_by_label("Your full name").fill("Alice Armand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="is signed")).to_be_visible()
    expect(section(page, "Signature")).to_contain_text("Alice Armand")
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert re.search(rb"/MediaBox \[0 0 594\.9\d* 841\.9\d*\]", pdf), "it is not A4"

    world.buys(page, GROK, input=2)


def _ask_for_two_models(page: Page) -> None:
    """By keyboard, with units and daily price that follow."""
    page.get_by_label("Model", exact=True).select_option("gpt-5.4")
    page.get_by_label("Input TPM").fill("60,000")
    page.get_by_label("Output TPM").fill("10,000")
    needed = section(page, "Units needed")
    expect(needed).to_contain_text("3 combined units")
    page.get_by_role("button", name="Add another model").press("Enter")
    second = page.get_by_role("group", name="Model 2")
    expect(second.get_by_label("Model", exact=True)).to_be_focused()
    second.get_by_label("Model", exact=True).select_option(GROK)
    second.get_by_label("Input TPM").fill("lots")
    expect(second.get_by_role("alert")).to_contain_text("Enter a whole number")
    second.get_by_label("Input TPM").press("Enter")  # Sends, and removes no model.
    expect(page).to_have_url(re.compile("/requests/$"))
    expect(second.get_by_role("alert")).to_contain_text("Enter a whole number")
    second.get_by_label("Input TPM").fill("31501")
    expect(needed).to_contain_text("2 input units")
    expect(needed).to_contain_text("$920.00")
    page.get_by_label("Note").fill("We start at once.")
    page.get_by_role("button", name="Send request", exact=True).click()
    expect(section(page, "Requests")).to_contain_text("Open")


def _olga_answers(world: World, page: Page) -> None:
    page.goto(f"{world.site.url}/operator/capacity/quoterequest/")
    page.get_by_label("Email").fill("olga@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=re.compile("^qr_")).click()
    expect(page.get_by_text("We start at once.")).to_be_visible()
    page.get_by_role("link", name="Answer with an order form").click()
    page.get_by_label("Discount percent:", exact=True).fill("5")
    page.get_by_label(f"Discount percent on {GROK}").fill("10")
    page.get_by_role("button", name="Answer with an order form").click()
    expect(page.get_by_text("awaits the signature of Sandbox")).to_be_visible()
