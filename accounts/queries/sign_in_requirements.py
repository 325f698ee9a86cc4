"""What an organization requires, or would require, of its members when they sign in (R24)."""

from datetime import date

from django.conf import settings


def keys_would_be_refused_from(*, on: date) -> date:
    """Return from when the keys of members without a second factor are refused, if required `on`.

    SECOND_FACTOR_NOTICE later, so that scripts do not stop before anybody could act.
    """
    refused_from: date = on + settings.SECOND_FACTOR_NOTICE
    return refused_from
