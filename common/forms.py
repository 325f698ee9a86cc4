"""Business errors on forms."""

from typing import Any, cast

from django import forms

from common.errors import BusinessError


def add_business_error(form: forms.BaseForm, error: BusinessError) -> None:
    """Add an error to the fields that it names, or to the whole form."""
    for name, messages in error.errors.items():
        form.add_error(name if name in form.fields else None, cast(Any, messages))
    if not error.errors:
        form.add_error(None, error.detail)
