"""Errors of Stripe, as what to do about them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe


class ProviderError(Exception):
    """A request to Stripe failed. `str()` is the reason, for operators."""


class ProviderUnavailable(ProviderError):
    """The same request may succeed later.

    `key_used_up`: Stripe stores its responses, errors included, under the idempotency key. If this
    error is a stored response, the next attempt needs another key. Otherwise the request may still
    be running, and only the same key is safe.
    """

    def __init__(self, reason: str, *, key_used_up: bool = False) -> None:
        super().__init__(reason)
        self.key_used_up = key_used_up


class ProviderRejected(ProviderError):
    """Stripe rejects the request, and will reject it again until a person changes something."""


class CustomerUnknown(ProviderRejected):
    """Stripe has no such customer: it was deleted, or the secret key is of another account."""


class NumberTaken(ProviderRejected):
    """Stripe refuses the number of an invoice: another invoice of the account has it."""


class BadSignature(Exception):
    """The webhook is not from Stripe, or not for us."""


@contextmanager
def translated() -> Iterator[None]:
    """Convert errors of Stripe to ProviderError."""
    import stripe  # noqa: PLC0415

    try:
        yield
    except stripe.StripeError as error:
        if error.code == "resource_missing" and "No such customer" in str(error):
            raise CustomerUnknown(_reason(error)) from error
        if isinstance(error, stripe.InvalidRequestError) and error.param == "number":
            raise NumberTaken(_reason(error)) from error
        raise _provider_error(error) from error


def _provider_error(error: "stripe.StripeError") -> ProviderError:
    import stripe  # noqa: PLC0415

    status = error.http_status
    if status is None or status < 400:  # No response, or not from Stripe.
        return ProviderUnavailable("Stripe cannot be reached.")
    reason = _reason(error)
    if isinstance(error, stripe.IdempotencyError) and status != 409:
        # The key was used with other parameters: the code or the organization's name changed.
        return ProviderUnavailable(reason, key_used_up=True)
    if status in {409, 429} or status >= 500:
        replayed = (error.headers or {}).get("Idempotent-Replayed") == "true"
        return ProviderUnavailable(reason, key_used_up=replayed)
    return ProviderRejected(reason)


def _reason(error: "stripe.StripeError") -> str:
    return f"Stripe: {error.user_message or error}"
