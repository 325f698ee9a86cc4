"""Members, invitations, authorized purchasers and API keys."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import World, section


def test_dave_joins_by_invitation(world: World, page: Page, context: BrowserContext) -> None:
    email = world.alice.email.replace("alice", "dave")
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/members/")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Role", exact=True).select_option("Authorized purchaser")
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {email}")).to_be_visible()
    link = world.invitation_link(email)

    context.clear_cookies()
    page.goto(link)
    expect(page.get_by_label("Email")).to_have_value(email)
    page.get_by_label("Name").fill("Dave")
    page.get_by_label("Password").fill("12345678")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("too common")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Dave")
    page.get_by_label("Password").fill("quiet harbour lights")
    page.get_by_role("button", name="Join").click()
    expect(page).to_have_url(world.scale_tier)

    response = page.goto(link)
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("main")).to_contain_text("Ask for a new one")


def test_alice_withdraws_an_invitation(world: World, page: Page, context: BrowserContext) -> None:
    email = world.alice.email.replace("alice", "erin")
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/members/")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {email}")).to_be_visible()
    link = world.invitation_link(email)
    page.get_by_role("button", name=f"Withdraw the invitation of {email}").click()
    expect(page.get_by_text("The invitation was withdrawn")).to_be_visible()
    context.clear_cookies()
    page.goto(link)
    expect(page.get_by_role("main")).to_contain_text("Ask for a new one")


def test_charlie_joins_with_the_account_that_he_has(
    world: World, globex: World, page: Page, context: BrowserContext
) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/members/")
    charlie = globex.alice
    page.get_by_label("Email", exact=True).fill(charlie.email)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {charlie.email}")).to_be_visible()
    link = world.invitation_link(charlie.email)
    page.goto(link)
    expect(page.get_by_text(f"You are signed in as {world.alice.email}")).to_be_visible()

    context.clear_cookies()
    page.goto(link)
    page.get_by_role("link", name="Sign in").click()
    charlie.signs_in_here(page)
    page.get_by_role("button", name=f"Join as {charlie.email}").click()
    expect(page).to_have_url(f"{world.settings}/api-keys/")


def test_alice_authorizes_mallory_and_then_removes_her(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_role("button", name="Add purchaser").click()
    expect(page.get_by_text("is not a member yet")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("nobody@example.com")
    page.get_by_label("Email").fill(world.mallory.email)
    page.get_by_role("button", name="Add purchaser").click()
    purchasers = section(page, "Authorized purchasers")
    row = purchasers.get_by_role("row", name=world.mallory.email)
    row.get_by_role("button", name="Remove").click()
    expect(purchasers).not_to_contain_text(world.mallory.email)


def test_alice_the_only_owner_must_stay_an_owner(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/members/")
    row = page.get_by_role("row", name=world.alice.email)
    row.get_by_label("Role of Alice").select_option("Member")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is the only owner")).to_be_visible()


def test_alice_removes_mallory(world: World, page: Page) -> None:
    world.signs_in(page, world.alice)
    page.goto(f"{world.settings}/members/")
    page.get_by_role("row", name=world.mallory.email).get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove member").click()
    expect(page.get_by_text("was removed")).to_be_visible()
    expect(page.get_by_role("table")).not_to_contain_text(world.mallory.email)


def test_mallory_creates_a_key_sees_it_once_and_revokes_it(world: World, page: Page) -> None:
    world.signs_in(page, world.mallory)
    page.get_by_label("Name").fill("Nightly batch")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_label("Your new key").input_value()
    assert secret.startswith("st_")
    response = page.request.get(
        f"{world.site.url}/api/v1/models", headers={"Authorization": f"Bearer {secret}"}
    )
    assert response.status in {200, 403}
    page.goto(f"{world.settings}/api-keys/")
    assert secret not in page.content()
    page.get_by_role("row", name="Nightly batch").get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("“Nightly batch” was revoked")).to_be_visible()
    response = page.request.get(
        f"{world.site.url}/api/v1/models", headers={"Authorization": f"Bearer {secret}"}
    )
    assert response.status == 401
