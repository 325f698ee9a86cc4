"""An operator at the desk finds a customer by an id, and reads everything about them."""

from playwright.sync_api import Browser, expect

from tests.journeys.test_accessibility import _check_accessibility
from tests.journeys.world import World

CREATE_OPERATOR = """
from accounts.models import User
olga = User.objects.filter(email="olga@example.com").first()
olga = olga or User.objects.create_superuser("olga@example.com", name="Olga")
olga.set_password("a long password of Olga")
olga.save()
"""


def test_olga_finds_a_customer_by_an_id_on_a_wide_screen_and_on_a_phone(
    acme: World, browser: Browser
) -> None:
    acme.site.manage("shell", "--no-imports", "-c", CREATE_OPERATOR)
    context = browser.new_context(base_url=acme.site.url, bypass_csp=True)
    page = context.new_page()
    page.goto("/operator/")
    page.get_by_label("Email").fill("olga@example.com")
    page.get_by_label("Password").fill("a long password of Olga")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()
    _check_accessibility(page)
    search = page.get_by_label("Search everything")
    search.fill(f" {acme.organization} ")
    search.press("Enter")
    expect(page).to_have_url(f"{acme.site.url}/operator/customers/{acme.organization}/")
    expect(page.get_by_role("heading", name="Latest changes")).to_be_visible()
    _check_accessibility(page)
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark")
    _check_accessibility(page)
    page.get_by_label("Search everything").fill(acme.bob.email)
    page.get_by_role("button", name="Search").click()
    _check_accessibility(page)
    page.get_by_role("link", name=acme.bob.email).click()
    expect(page.get_by_role("heading", name="Change user")).to_be_visible()
    context.close()
