"""The request that a person imagines, on the page “Where would it land?”, read from the address."""

from typing import Any

from django import forms
from django.conf import settings

from accounts.models import ApiKey, Organization, Project
from capacity.gateway.queries.landing import Imagined
from capacity.gateway.requests import Tokens
from capacity.models import Pool, Snapshot

MOST_TOKENS = 10**9


def _tokens(label: str, help_text: str) -> forms.IntegerField:
    said = f"Enter a whole number of tokens from 0 to {MOST_TOKENS:,}."
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=MOST_TOKENS,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages=dict.fromkeys(("invalid", "required", "min_value", "max_value"), said),
    )


class LandingForm(forms.Form):
    """What is missing has its default; what does not exist is refused beside its field."""

    model = forms.ChoiceField(label="Model")
    key = forms.ChoiceField(required=False, label="API key")
    project = forms.ChoiceField(
        required=False, label="Project", help_text="The header OpenAI-Project."
    )
    pool = forms.ChoiceField(required=False, label="Pool", help_text="The header x-pt-id.")
    input_tokens = _tokens("Input tokens", "A token is some 4 bytes of text.")
    output_tokens = _tokens("Output tokens, at most", "The limit that the request names.")
    disabled = forms.BooleanField(
        required=False, label="Decline capacity", help_text="x-pt-disable, or service_tier default."
    )

    def __init__(self, data: Any, *, organization: Organization) -> None:
        self.models = {row.model: row for row in Snapshot.objects.order_by("model")}
        self.pools = list(
            Pool.objects.filter(organization=organization)
            .select_related("snapshot")
            .order_by("snapshot__model", "-is_default", "pk")
        )
        first = next((pool.snapshot.model for pool in self.pools), next(iter(self.models), ""))
        defaults = {
            "model": first,
            "input_tokens": 1_000,
            "output_tokens": settings.GATEWAY_OUTPUT_ESTIMATE,
        }
        super().__init__({**defaults, **{name: value for name, value in data.items() if value}})
        projects = Project.objects.filter(organization=organization, archived_at=None)
        keys = ApiKey.objects.filter(organization=organization, revoked_at=None)
        self._choose("model", [(model, model) for model in self.models])
        self._choose(
            "key",
            [("", "Any"), *((k.public_id, str(k)) for k in keys.select_related("user"))],
        )
        named = [(project.public_id, project.name) for project in projects.order_by("pk")]
        self._choose("project", [("", "The key’s"), *named])
        self._choose(
            "pool",
            [("", "Any"), *((p.public_id, f"{p.name}, {p.snapshot.model}") for p in self.pools)],
        )

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        pool = next((p for p in self.pools if p.public_id == chosen.get("pool")), None)
        declines = chosen.get("disabled")
        if pool and not declines and pool.snapshot.model != chosen.get("model"):
            self.add_error("pool", f"This is a pool of {pool.snapshot.model}: it would be refused.")
        return chosen

    def imagined(self) -> Imagined | None:
        """Return the request; None if something in it would be refused."""
        if not self.is_valid():
            return None
        chosen = self.cleaned_data
        return Imagined(
            model=self.models[chosen["model"]],
            estimate=Tokens(input=chosen["input_tokens"], output=chosen["output_tokens"]),
            pool=chosen["pool"],
            project=chosen["project"],
            disabled=chosen["disabled"],
        )
