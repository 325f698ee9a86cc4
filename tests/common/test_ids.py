"""Public ids."""

import re

import pytest

from accounts.models import Organization
from accounts.operations.organizations import create_organization
from common.ids import PublicIdField, new_public_id
from tests.cast import OPERATOR, at


def test_an_id_is_its_prefix_and_122_random_bits() -> None:
    first, second = new_public_id("lot_"), new_public_id("lot_")
    assert first != second
    assert re.fullmatch("lot_[0-9a-f]{32}", first)


def test_a_field_of_ids_is_unique_fixed_and_long_enough() -> None:
    field = PublicIdField(prefix="lot_", help_text="Of the lot.")
    assert (field.max_length, field.unique, field.editable) == (40, True, False)
    assert re.fullmatch("lot_[0-9a-f]{32}", field.get_default())
    assert field.help_text == "Of the lot."


def test_migrations_keep_the_prefix_and_what_does_not_follow_from_it() -> None:
    field = PublicIdField(prefix="lot_", help_text="Of the lot.")
    _, path, args, kwargs = field.deconstruct()
    assert (path, args, kwargs) == (
        "common.ids.PublicIdField",
        [],
        {"prefix": "lot_", "help_text": "Of the lot."},
    )


@pytest.mark.django_db
def test_the_database_makes_an_id_of_the_same_form_for_each_row() -> None:
    for name in ("Acme", "Globex"):
        create_organization(name=name, by=OPERATOR, now=at("2026-01-01"))
    made_by_database = PublicIdField(prefix="lot_").db_default
    rows = Organization.objects.annotate(made=made_by_database)
    first, second = rows.values_list("made", flat=True)
    assert first != second
    assert re.fullmatch("lot_[0-9a-f]{12}4[0-9a-f]{19}", first)
