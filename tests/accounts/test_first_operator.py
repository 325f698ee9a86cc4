"""The first operator is made by a command; nobody becomes one by accident."""

import pytest

from accounts.models import User
from accounts.operations.operators import FirstOperatorError, create_first_operator, has_operator
from tests.cast import Acme

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_first_operator_has_no_password_and_is_made_once() -> None:
    assert not has_operator()
    olga = create_first_operator(email="Olga@example.com")
    assert (olga.email, olga.is_superuser, olga.has_usable_password()) == (
        "olga@example.com",
        True,
        False,
    )
    assert create_first_operator(email="olga@example.com") == olga
    assert has_operator()


def test_a_second_address_is_refused_once_there_is_an_operator() -> None:
    create_first_operator(email="olga@example.com")
    with pytest.raises(FirstOperatorError, match="there is another"):
        create_first_operator(email="eve@example.com")
    assert User.objects.count() == 1


def test_a_customer_does_not_become_an_operator(acme: Acme) -> None:
    customer = User.objects.filter(is_staff=False).earliest("pk")
    with pytest.raises(FirstOperatorError, match="is the address of a customer"):
        create_first_operator(email=customer.email)
    customer.refresh_from_db()
    assert not customer.is_staff
