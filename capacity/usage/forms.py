"""What a person chooses on pages of usage, the rules of alerts, and who gets mail about it.

The choices of pages are read from the address, so that a view can be shared.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from accounts.models import Organization, Project
from accounts.queries.projects import projects_to_choose
from capacity.models import Kind
from capacity.usage.domain.windows import WINDOWS_OF_DAY
from capacity.usage.models import UsageMail
from capacity.usage.models.alerts import DEFAULT_RUN, MAX_IDLE_DAYS, MAX_PERCENT
from capacity.usage.queries.alerts import Rules
from capacity.usage.queries.showback import BilledPeriod
from capacity.usage.queries.usage import View
from common.days import last_day

VIEWS = {View.DAYS: "30 day", View.WINDOWS: "1 day", View.MINUTES: "15 minute"}
KINDS = {
    Kind.INPUT: "Input tokens",
    Kind.OUTPUT: "Output tokens",
    Kind.COMBINED: "Combined, weighted tokens",
}


class UsageForm(forms.Form):
    """The view and its filters. What is missing has its default; what does not exist is refused."""

    window = forms.ChoiceField(required=False, choices=list(VIEWS.items()))
    model = forms.ChoiceField(required=False, label="Model")
    kind = forms.ChoiceField(required=False, label="Tokens", choices=list(KINDS.items()))
    project = forms.ChoiceField(required=False, label="Project")

    def __init__(self, data: Any, *, organization: Organization, models: Iterable[str]) -> None:
        super().__init__(data)
        self.projects = projects_to_choose(organization)
        self.fields["model"].choices = [  # type: ignore[attr-defined]
            ("", "All models"),
            *((model, model) for model in models),
        ]
        self.fields["project"].choices = [  # type: ignore[attr-defined]
            ("", "All projects"),
            *((project.public_id, project.name) for project in self.projects),
        ]

    def chosen(self) -> dict[str, Any]:
        """Return the arguments of `usage`. A filter with an error is left out."""
        self.is_valid()
        values = {name: value for name, value in self.cleaned_data.items() if value}
        wanted = values.get("project")
        project: Project | None = next(
            (project for project in self.projects if project.public_id == wanted), None
        )
        return {
            "view": View(values.get("window", View.DAYS)),
            "model": values.get("model"),
            "kind": Kind(values.get("kind", Kind.INPUT)),
            "project": project,
        }


class ShowbackForm(forms.Form):
    """The invoice that is shared: the upcoming one unless another is chosen."""

    invoice = forms.ChoiceField(
        required=False,
        label="Invoice",
        error_messages={"invalid_choice": "There is no invoice “%(value)s”; choose another."},
    )

    def __init__(self, data: Any, billed: Sequence[BilledPeriod]) -> None:
        super().__init__(data)
        self.by_key = {row.key: row for row in billed}
        self.fields["invoice"].choices = [  # type: ignore[attr-defined]
            (row.key, _label(row)) for row in billed
        ]

    def chosen(self) -> BilledPeriod:
        """Return the chosen period; the present one if the choice has an error."""
        self.is_valid()
        present = next(iter(self.by_key.values()))
        return self.by_key.get(self.cleaned_data.get("invoice", ""), present)


def _label(billed: BilledPeriod) -> str:
    days = f"{billed.period.start} → {last_day(billed.period.end)}"
    return f"{days}, so far" if billed.is_upcoming else f"{days}, {billed.display_number}"


def _number(label: str, most: int, unit: str, *, help_text: str) -> forms.IntegerField:
    """Return a field for a number from 1 to `most`; only the server validates it."""
    said = f"Enter a whole number of {unit} from 1 to {most}."
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=1,
        max_value=most,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": said, "min_value": said, "max_value": said},
    )


class UsageAlertsForm(forms.Form):
    """The rules of usage alerts. An empty number turns its rule off."""

    percent = _number(
        "Utilisation above, percent",
        MAX_PERCENT,
        "percent",
        help_text="Of what the units of a kind allow in a window of 15 minutes. Empty: no alert.",
    )
    windows_in_a_row = _number(
        "For windows in a row",
        WINDOWS_OF_DAY,
        "windows",
        help_text=f"Once each time so many windows follow one another. Empty: {DEFAULT_RUN}.",
    )
    exhausted_windows = _number(
        "Exhausted windows in a day",
        WINDOWS_OF_DAY,
        "windows",
        help_text="Once a day, at the window that makes so many. Empty: no alert.",
    )
    idle_days = _number(
        "Units unused for, days",
        MAX_IDLE_DAYS,
        "days",
        help_text="Once in so many days, while units stay unused. Empty: no alert.",
    )

    @classmethod
    def showing(cls, rules: Rules) -> "UsageAlertsForm":
        """Return the form with the present rules."""
        return cls(initial={name: getattr(rules, name) for name in cls.base_fields})

    def clean_windows_in_a_row(self) -> int:
        return self.cleaned_data["windows_in_a_row"] or DEFAULT_RUN


class UsageMailsForm(forms.Form):
    """The emails about usage that an owner wants."""

    usage_summary = forms.BooleanField(
        required=False, label="A weekly summary of unused and exhausted capacity"
    )
    usage_alerts = forms.BooleanField(required=False, label="An email with each alert")

    @classmethod
    def showing(cls, wanted: set[UsageMail]) -> "UsageMailsForm":
        """Return the form with what is wanted now."""
        return cls(initial={mail.value: mail in wanted for mail in UsageMail})

    @property
    def wanted(self) -> set[UsageMail]:
        """Return the emails that were chosen. Call `is_valid` first."""
        return {mail for mail in UsageMail if self.cleaned_data[mail.value]}
