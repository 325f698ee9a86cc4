"""Secrets, and the digests that are stored of them."""

from base64 import urlsafe_b64decode

from common.tokens import digest, new_token


def test_a_secret_has_256_random_bits_after_its_prefix() -> None:
    first, second = new_token("st_"), new_token("st_")
    assert first != second
    for token in (first, second):
        assert token.startswith("st_")
        assert len(urlsafe_b64decode(token.removeprefix("st_") + "=")) == 32
    assert len(new_token()) == len(first) - len("st_")


def test_the_digest_of_a_secret_never_changes() -> None:
    """Keys and invitations that are stored must still be found after an upgrade."""
    stored = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest("abc") == stored
