"""Who may do what in an organization (R18)."""

import pytest

from accounts.access import Permission, authorize
from common.errors import NotAllowed, NotFound
from tests.cast import Acme

pytestmark = pytest.mark.django_db


def test_each_role_has_the_permissions_of_the_table(acme: Acme) -> None:
    actors = {"alice": acme.alice, "bob": acme.bob, "mallory": acme.mallory}
    permissions = {
        name: {permission.name for permission in Permission if acme.allows(actor, permission)}
        for name, actor in actors.items()
    }
    assert permissions == {
        "alice": {permission.name for permission in Permission},
        "bob": {"SCALE_TIER", "BUY", "LIMITS_AND_INVOICES", "OWN_API_KEYS"},
        "mallory": {"OWN_API_KEYS"},
    }


@pytest.mark.parametrize("permission", Permission)
def test_refuses_charlie_who_is_outside_as_if_acme_did_not_exist(
    acme: Acme, permission: Permission
) -> None:
    with pytest.raises(NotFound) as outside:
        acme.allows(acme.charlie, permission)
    with pytest.raises(NotFound) as nowhere:
        authorize(user=acme.charlie.person, organization_id="org_none", permission=permission)
    assert str(outside.value) == str(nowhere.value)


def test_a_refusal_names_the_roles_that_may(acme: Acme) -> None:
    with pytest.raises(NotAllowed, match="Only an owner or an authorized purchaser may buy"):
        authorize(
            user=acme.mallory.person,
            organization_id=acme.organization.public_id,
            permission=Permission.BUY,
        )
