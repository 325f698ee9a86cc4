"""A second factor is required and set up: a TOTP app by Alice, a passkey by Mallory (R24)."""

import hmac
import re
import struct
import time
from base64 import b32decode
from hashlib import sha1

from playwright.sync_api import Browser, Page, expect

from tests.journeys.world import Person, World


def test_mallory_is_let_in_again_with_a_passkey_after_alice_requires_a_second_factor(
    world: World, page: Page, browser: Browser
) -> None:
    world.signs_in(page, world.alice)
    _require_second_factor(page, world)
    # Browsers accept passkeys at a name, not at the number of an address.
    site = world.site.url.replace("127.0.0.1", "localhost")
    with browser.new_context(base_url=site) as context:
        hers = context.new_page()
        _give_authenticator(hers)
        _set_up_passkey(hers, world)
        _sign_in_with_passkey(hers, world)
        _sign_in_with_password_and_passkey(hers, world)


def _require_second_factor(page: Page, world: World) -> None:
    page.goto(f"{world.settings}/members/")
    page.get_by_role("button", name="Require it").click()
    page.get_by_role("dialog").get_by_role("link", name="Set it up").click()
    _set_up_app(page, world.alice)
    page.goto(f"{world.settings}/members/")
    page.get_by_role("button", name="Require it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 members have no second factor")
    dialog.get_by_role("button", name="Require it").click()
    expect(page.get_by_text("2 members have none.")).to_be_visible()
    expect(page.get_by_role("row", name=world.alice.email)).to_contain_text("On")


def _set_up_passkey(page: Page, world: World) -> None:
    page.goto("/accounts/login/")
    world.mallory.signs_in_here(page)
    expect(page.get_by_role("heading", name="Set up two-factor authentication")).to_be_visible()
    page.goto(f"/organizations/{world.organization}/settings/api-keys/")
    expect(page).to_have_url(re.compile("/two-factor/$"))
    page.get_by_role("link", name="Add a passkey").click()
    _confirm_password(page, world.mallory)
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="10 of 10 codes are left")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Sandbox").click()
    expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()


def _sign_in_with_passkey(page: Page, world: World) -> None:
    page.get_by_role("button", name="your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"/organizations/{world.organization}/settings/api-keys/")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()


def _sign_in_with_password_and_passkey(page: Page, world: World) -> None:
    page.get_by_role("button", name="your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"/organizations/{world.organization}/settings/api-keys/")
    world.mallory.signs_in_here(page)
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()


def _set_up_app(page: Page, person: Person) -> None:
    page.get_by_role("link", name="Set up").click()
    _confirm_password(page, person)
    secret = page.get_by_label("Secret").input_value()
    page.get_by_label("Code").fill(_code(secret))
    page.get_by_role("button", name="Switch on").click()
    heading = page.get_by_role("heading", name="10 of 10 codes are left")
    expect(heading.or_(page.get_by_text("Incorrect code"))).to_be_visible()
    if not heading.is_visible():  # The code changed between the two lines above.
        page.get_by_label("Code").fill(_code(secret))
        page.get_by_role("button", name="Switch on").click()
        expect(heading).to_be_visible()


def _confirm_password(page: Page, person: Person) -> None:
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Confirm").click()


def _code(secret: str) -> str:
    """The code that an authenticator app shows now (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(b32decode(secret, casefold=True), counter, sha1).digest()
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def _give_authenticator(page: Page) -> None:
    """Give the browser an authenticator that confirms each question by itself."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
