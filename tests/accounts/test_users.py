"""Users and their email addresses."""

import pytest
from allauth.account.models import EmailAddress

from tests.cast import Acme, signed_in

pytestmark = pytest.mark.django_db


def test_alice_cannot_add_the_email_address_of_another(acme: Acme) -> None:
    response = signed_in(acme.alice).post(
        "/accounts/email/", {"email": "ceo@bigcorp.com", "action_add": ""}
    )
    assert response.status_code == 302
    assert not EmailAddress.objects.filter(email="ceo@bigcorp.com").exists()
