"""Decodes form data: `lines[0][amount]=5&metadata[invoice]=…` becomes nested dictionaries."""

import re
from typing import Any
from urllib.parse import parse_qsl

from scaletier.devserver.stripe.errors import invalid

Params = dict[str, Any]


def decode(text: str) -> Params:
    """Return the parameters of a body or query as nested dictionaries and lists of strings."""
    params: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *parent_names, last_name = re.findall(r"[^\[\]]+", name)
        parent = params
        for parent_name in parent_names:
            parent = parent.setdefault(parent_name, {})
        parent[last_name] = value
    return {name: _with_lists(value) for name, value in params.items()}


def _with_lists(value: Any) -> Any:
    """Turn each dictionary whose names are all numbers into a list, at every level."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _with_lists(inner) for name, inner in value.items()}


def reject_unknown(params: Params, *names: str) -> None:
    """Raise ApiError if a parameter has a name that the endpoint does not know."""
    for name in params:
        if name not in names:
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def required(params: Params, name: str) -> Any:
    """Return the value of a parameter. Raises ApiError if it is missing or empty."""
    if not params.get(name):
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return params[name]


def boolean(params: Params, name: str) -> bool:
    """Return the value of a parameter, False if it is missing. Raises ApiError."""
    value = params.get(name, "false")
    if value not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {value}", name, "parameter_invalid")
    return bool(value == "true")


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    """Return the value of a parameter, `default` if it is missing. Raises ApiError."""
    if name not in params:
        return default
    try:
        return int(params[name])
    except (TypeError, ValueError):
        raise invalid(f"Invalid integer: {params[name]}", name, "parameter_invalid") from None
