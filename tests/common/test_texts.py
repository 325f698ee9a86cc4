"""Texts that people read, and which texts they may type as names and addresses."""

import pytest
from django.core.exceptions import ValidationError

from common.texts import counted, is_mailable, is_single_line, validate_single_line

CONTROLS = ["\n", "\r", "\t", "\0", "\x7f", "\x85", "\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}"]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_name_has_no_line_break_and_no_other_control_character(control: str) -> None:
    assert not is_single_line(f"Acme{control}Labs")
    with pytest.raises(ValidationError) as refusal:
        validate_single_line(f"Acme{control}Labs")
    assert refusal.value.messages == ["A name has no line breaks or other control characters."]


@pytest.mark.parametrize(
    "name", ["", "Acme Labs", "Łódź", "東京", "Zoë 🚀", "A\N{NO-BREAK SPACE}B"]
)
def test_any_other_text_is_a_name(name: str) -> None:
    assert is_single_line(name)
    validate_single_line(name)


@pytest.mark.parametrize(
    "address", ["bob@example.com", "bob@exämple.com", "böb@example.com", "o'b+x@sub.example.com"]
)
def test_addresses_that_mail_can_be_sent_to(address: str) -> None:
    assert is_mailable(address)


@pytest.mark.parametrize(
    "address",
    [
        f"a@{60 * 'ä'}.com",
        "a@example.com\r\nBcc: c@example.com",
        "a\N{LINE SEPARATOR}b@example.com",
        "",
        "a@b@",
        "a@exa mple.com",
        "a@.com",
    ],
    ids=ascii,
)
def test_addresses_that_no_mail_can_be_sent_to(address: str) -> None:
    assert not is_mailable(address)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 units"), (1, "1 unit"), (2, "2 units"), (1_250, "1,250 units")]
)
def test_a_noun_is_singular_for_one_only(number: int, text: str) -> None:
    assert counted(number, "unit") == text
