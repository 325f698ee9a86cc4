"""The form of a quote request (R23)."""

import re
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.http import QueryDict

from capacity.models.quote_requests import MAX_NOTE_LENGTH
from capacity.queries.catalogue import Listing, by_provider
from capacity.queries.quote_requests import MAX_MODELS, MAX_TPM, ExpectedTraffic
from common.errors import BusinessError


class TpmField(forms.CharField):
    """Tokens per minute as people type them, `60000` or `60,000`; empty is 0."""

    def __init__(self, label: str) -> None:
        attrs = {"inputmode": "numeric", "autocomplete": "off", "placeholder": "0"}
        super().__init__(label=label, required=False, widget=forms.TextInput(attrs=attrs))

    def to_python(self, value: Any) -> Any:
        text = re.sub(r"[,\s]", "", str(value or ""))
        if not (text.isascii() and text.isdecimal()) and text:
            raise forms.ValidationError("Enter a whole number of tokens per minute, like 60,000.")
        if len(text.lstrip("0")) > len(str(MAX_TPM)):
            raise forms.ValidationError(f"Between 0 and {MAX_TPM:,} tokens per minute.")
        return int(text or 0)


class TrafficForm(forms.Form):
    """A model with the traffic that is expected on it: one row of a quote request."""

    model = forms.CharField(label="Model", required=False)
    input_tpm = TpmField("Input tokens per minute")
    output_tpm = TpmField("Output tokens per minute")

    @property
    def is_empty(self) -> bool:
        return not any(str(self[name].value() or "").strip() for name in self.fields)

    @property
    def is_complete(self) -> bool:
        """Return whether there is a model and traffic on it, as far as it can be understood."""
        values = self.cleaned_data if self.is_valid() else {}
        return bool(values.get("model") and (values["input_tpm"] or values["output_tpm"]))

    @property
    def traffic(self) -> ExpectedTraffic:
        """Return the typed values. Call `is_valid` first."""
        return ExpectedTraffic(**self.cleaned_data)


class NoteForm(forms.Form):
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "class": "control"}),
        help_text="When you want to start, or anything else that we should know.",
    )


class QuoteRequestForm:
    """A quote request as it is typed: rows of models, whose fields repeat, and a note (R23)."""

    def __init__(self, data: QueryDict, listings: Sequence[Listing]) -> None:
        self.listings = listings
        columns = {name: data.getlist(name) for name in TrafficForm.base_fields}
        count = min(max(1, *map(len, columns.values())), MAX_MODELS)
        self.rows = [
            TrafficForm(
                {name: values[number] for name, values in columns.items() if number < len(values)},
                auto_id=f"id_%s_{number}",
            )
            for number in range(count)
        ]
        self.note = NoteForm(data)
        self.problems: list[str] = []
        """The errors that are of no field."""

    @property
    def models(self) -> list[tuple[str, list[Listing]]]:
        """Return the listings with something on sale, by the name of their provider."""
        return by_provider(listing for listing in self.listings if listing.offers)

    @property
    def can_grow(self) -> bool:
        return len(self.rows) < MAX_MODELS

    def complete_rows(self) -> list[TrafficForm]:
        return [row for row in self.rows if row.is_complete]

    def rows_to_send(self) -> list[TrafficForm]:
        """Return the rows with something in them; a row without a model has an error then."""
        rows = [row for row in self.rows if not row.is_empty] or self.rows[:1]
        for row in rows:
            if row.is_valid() and not row.cleaned_data["model"]:
                row.add_error("model", "Choose a model.")
        return rows

    def add_errors(self, rows: Sequence[TrafficForm], error: BusinessError) -> None:
        """Show an error at the fields of `rows` that it names: `models.0.input_tpm` and so on."""
        for name, messages in error.errors.items():
            parts = name.split(".")
            if len(parts) == 3:
                rows[int(parts[1])].add_error(parts[2], cast(Any, messages))
            else:
                self.problems += messages
