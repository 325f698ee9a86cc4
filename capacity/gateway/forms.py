"""The request that a person imagines, on the page “Where would it land?”, read from the address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings

from accounts.models import ApiKey, Organization, Project
from capacity.gateway.bodies import Options
from capacity.gateway.errors import GatewayError
from capacity.gateway.queries.landing import Imagined
from capacity.gateway.requests import Tokens
from capacity.models import Pool, Snapshot

MOST_TOKENS = 10**9
LONGEST_ID = 200

FIELDS = {"model": "model", "x-pt-id": "pool", "OpenAI-Project": "project"}
"""The field that holds what a refusal of the gateway names; the others are about the key."""

Choices = Iterable[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Named:
    """What the requests of an organization can name."""

    snapshots: list[Snapshot]
    pools: list[Pool]
    projects: list[Project]
    keys: list[ApiKey]

    @classmethod
    def of(cls, organization: Organization) -> "Named":
        pools = Pool.objects.filter(organization=organization).select_related("snapshot")
        keys = ApiKey.objects.filter(organization=organization, revoked_at=None)
        projects = Project.objects.filter(organization=organization)
        return cls(
            list(Snapshot.objects.order_by("model")),
            list(pools.order_by("snapshot__model", "-is_default", "pk")),
            list(projects.order_by("-is_default", "name")),
            list(keys.select_related("user").order_by("-pk")),
        )


class ChosenField(forms.CharField):
    """A value of a list, or one that is not there: what becomes of it, the gateway decides."""

    widget = forms.Select

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=LONGEST_ID, **kwargs)

    def offer(self, choices: Choices, value: Any) -> None:
        """Offer these values, and the one that was sent."""
        listed = list(choices)
        names = {
            name
            for group in listed
            for name, _ in (group[1] if isinstance(group[1], list) else [group])
        }
        if value and value not in names:
            listed.append((str(value), str(value)))
        self.widget.choices = listed


def _tokens(label: str, help_text: str) -> forms.IntegerField:
    said = f"Enter a whole number of tokens from 0 to {MOST_TOKENS:,}."
    return forms.IntegerField(
        label=label,
        min_value=0,
        max_value=MOST_TOKENS,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        error_messages=dict.fromkeys(("invalid", "required", "min_value", "max_value"), said),
    )


class LandingForm(forms.Form):
    """What is missing has its default."""

    model = ChosenField(label="Model", help_text="The field model of the body.")
    key = ChosenField(label="API key", help_text="The header Authorization.")
    project = ChosenField(label="Project", help_text="The header OpenAI-Project.")
    pool = ChosenField(label="Pool", help_text="The header x-pt-id.")
    input_tokens = _tokens("Input tokens", "A token for each 4 bytes.")
    output_tokens = _tokens("Output tokens, at most", "Such as max_tokens.")
    disabled = forms.BooleanField(
        required=False,
        label="Decline capacity",
        help_text="The header x-pt-disable, or service_tier default.",
    )

    def __init__(self, data: Mapping[str, Any], named: Named) -> None:
        first = next((pool.snapshot for pool in named.pools), next(iter(named.snapshots), None))
        defaults = {
            "model": first.model if first else "",
            "input_tokens": 1_000,
            "output_tokens": settings.GATEWAY_OUTPUT_ESTIMATE,
        }
        super().__init__({**defaults, **{name: value for name, value in data.items() if value}})
        by_model: dict[str, list[tuple[str, str]]] = {}
        for pool in named.pools:
            by_model.setdefault(pool.snapshot.model, []).append((pool.public_id, pool.name))
        self._offer("model", [(row.model, row.model) for row in named.snapshots])
        self._offer(
            "key",
            [("", "Any that works"), *((k.public_id, f"{k}, {k.user}") for k in named.keys)],
        )
        self._offer(
            "project", [("", "The key’s"), *((p.public_id, _label(p)) for p in named.projects)]
        )
        self._offer("pool", [("", "Any, the default first"), *by_model.items()])
        for name, field in self.fields.items():
            id_ = self[name].auto_id
            field.widget.attrs |= {
                "autocomplete": "off",
                "aria-describedby": f"{id_}-error {id_}_helptext",
            }

    def _offer(self, name: str, choices: Choices) -> None:
        field = self.fields[name]
        assert isinstance(field, ChosenField)
        field.offer(choices, self.data.get(name))

    def imagined(self) -> Imagined | None:
        """Return the request; None if a field says nothing that can be asked for."""
        if not self.is_valid():
            return None
        chosen = self.cleaned_data
        return Imagined(
            model=chosen["model"],
            estimate=Tokens(input=chosen["input_tokens"], output=chosen["output_tokens"]),
            options=Options(chosen["pool"], chosen["project"], chosen["disabled"]),
            key=chosen["key"],
        )

    def explain(self, refusal: GatewayError) -> None:
        """Show a refusal of the gateway beside the field that it is about."""
        self.add_error(FIELDS.get(refusal.param or "", "key"), str(refusal))


def _label(project: Project) -> str:
    return f"{project.name} (archived)" if project.is_archived else project.name
