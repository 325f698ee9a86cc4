"""Requests' bodies and queries: `lines[0][amount]=5&metadata[invoice]=…` as nested dictionaries."""

import re
from typing import Any
from urllib.parse import parse_qsl

from scaletier.devserver.stripe.errors import invalid

Params = dict[str, Any]


def decode(text: str) -> Params:
    """Nested dictionaries of text; numbered entries become lists."""
    tree: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *path, last = re.findall(r"[^\[\]]+", name)
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(inner) for name, inner in value.items()}


def only(params: Params, *known: str) -> None:
    """Refuse, as Stripe does, what the endpoint does not know."""
    for name in params:
        if name not in known:
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def required(params: Params, name: str) -> Any:
    if not params.get(name):
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return params[name]


def boolean(params: Params, name: str) -> bool:
    said = params.get(name, "false")
    if said not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {said}", name, "parameter_invalid")
    return bool(said == "true")


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    if name not in params:
        return default
    try:
        return int(params[name])
    except (TypeError, ValueError):
        raise invalid(f"Invalid integer: {params[name]}", name, "parameter_invalid") from None
