"""Business errors on forms."""

from typing import Any, cast

from django import forms

from common.errors import BusinessError, InvalidRequest


def add_business_error(form: forms.BaseForm, error: BusinessError) -> None:
    """Add an error to the fields that it names, or to the whole form."""
    for name, messages in error.errors.items():
        form.add_error(name if name in form.fields else None, cast(Any, messages))
    if not error.errors:
        form.add_error(None, error.detail)


def require_valid(form: forms.BaseForm) -> None:
    """Raise InvalidRequest with what the form says is wrong.

    A page leaves out a choice with an error and says so beside it; a download could not say it, and
    would have more rows than its reader believes.
    """
    problems = [str(message) for messages in form.errors.values() for message in messages]
    if problems:
        raise InvalidRequest(" ".join(problems))
