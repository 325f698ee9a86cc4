"""What a person chooses on pages of usage; it is read from the address, so a view can be shared."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.models import Organization, Project
from accounts.queries.projects import projects_to_choose
from capacity.models import Kind, Snapshot
from capacity.usage.queries.showback import BilledPeriod
from capacity.usage.queries.usage import View
from common.days import last_day

VIEWS = {View.DAYS: "30 day", View.WINDOWS: "1 day", View.MINUTES: "15 minute"}
KINDS = {
    Kind.INPUT: "Input tokens",
    Kind.OUTPUT: "Output tokens",
    Kind.COMBINED: "Weighted tokens of combined units",
}


class UsageForm(forms.Form):
    """The view and its filters. What is missing has its default; what does not exist is refused."""

    window = forms.ChoiceField(required=False, choices=list(VIEWS.items()))
    model = forms.ChoiceField(required=False, label="Model")
    kind = forms.ChoiceField(required=False, label="Tokens", choices=list(KINDS.items()))
    project = forms.ChoiceField(required=False, label="Project")

    def __init__(self, data: Any, *, organization: Organization) -> None:
        super().__init__(data)
        self.projects = projects_to_choose(organization)
        models = Snapshot.objects.order_by("model").values_list("model", flat=True)
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
