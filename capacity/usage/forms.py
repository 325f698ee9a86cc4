"""What a person chooses on the Usage page; it is read from the address, so a view can be shared."""

from typing import Any

from django import forms

from accounts.models import Organization, Project
from accounts.queries.projects import projects_to_choose
from capacity.models import Kind, Snapshot
from capacity.usage.queries.usage import View

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
