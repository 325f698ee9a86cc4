"""Usage events, as the API reads them: thousands a call, so they are read without a serializer."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from capacity.usage.domain import ids
from capacity.usage.operations.events import Recorded, Rejected, UsageEvent
from common.api.fields import Instant, StrictSerializer
from common.texts import is_single_line

MOST_EVENTS = 10_000
MOST_TOKENS = 10**12
"""Of one event; sums of a day stay far from the largest number that the database can hold."""

LONGEST_ID = 200
REQUIRED = ("id", "at", "model", "input_tokens", "output_tokens")
TEXTS = ("id", "model", "project", "pool")
COUNTS = ("input_tokens", "cached_tokens", "output_tokens")
NAMES = frozenset((*REQUIRED, *TEXTS, *COUNTS, "disable"))


class UsageEventSerializer(serializers.Serializer[UsageEvent]):
    """One request that was served. Only the schema uses it; `read_event` reads events."""

    id = serializers.CharField(
        max_length=LONGEST_ID,
        help_text="An id counts once. Those that begin with greq_ are our gateway's.",
    )
    at = serializers.DateTimeField(
        help_text="When it was admitted: at most 30 days ago, at most 5 minutes ahead."
    )
    model = serializers.CharField(help_text="Model snapshot id.")
    project = serializers.CharField(required=False, help_text="Default: the default project.")
    pool = serializers.CharField(required=False, help_text="Default: the default pool.")
    input_tokens = serializers.IntegerField(min_value=0, help_text="All, cached ones included.")
    cached_tokens = serializers.IntegerField(min_value=0, default=0)
    output_tokens = serializers.IntegerField(min_value=0)
    disable = serializers.BooleanField(
        default=False, help_text="Capacity was declined: always account plan."
    )


@extend_schema_field(UsageEventSerializer(many=True))
class Events(serializers.Field[Any, Any, Any, Any]):
    """Events that were read; in the place of one that cannot be read stands the reason."""

    default_error_messages = {
        "not_a_list": "This is a list of events.",
        "too_many": f"At most {MOST_EVENTS:,} events a call.",
    }

    def to_internal_value(self, data: Any) -> list[UsageEvent | str]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if len(data) > MOST_EVENTS:
            self.fail("too_many")
        return [read_event(item) for item in data]


class UsageEventsSerializer(StrictSerializer):
    """Events to count. One that cannot be counted is named in the answer; the others count."""

    events = Events()


class RejectedSerializer(serializers.Serializer[Rejected]):
    index = serializers.IntegerField(help_text="Its position in the call, from 0.")
    detail = serializers.CharField()


class RecordedSerializer(serializers.Serializer[Recorded]):
    """What became of the events. Each is accepted, a duplicate or rejected."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Ids that had been counted before.")
    rejected = RejectedSerializer(many=True)


def read_event(item: Any) -> UsageEvent | str:
    """Return the event, or why it cannot be read, with the name of the field."""
    if not isinstance(item, dict):
        return "An event is an object."
    if not _is_plainly_good(item):
        for check in (_name_problem, _text_problem, _count_problem):
            if problem := check(item):
                return problem
    try:
        at = _instant(item["at"])
    except (serializers.ValidationError, TypeError):  # TypeError: a list, or another object.
        return "at: This is an instant as RFC 3339, with its offset: 2026-01-10T15:20:00Z."
    get = item.get
    return UsageEvent(
        item["id"],
        at,
        item["model"],
        item["input_tokens"],
        item["output_tokens"],
        get("cached_tokens") or 0,
        get("project"),
        get("pool"),
        get("disable", False),
    )


INSTANT = Instant()


@lru_cache(maxsize=MOST_EVENTS)
def _instant(text: Any) -> datetime:
    """Read an instant, once for all events that share it. Raises ValidationError."""
    return INSTANT.to_internal_value(text)


def _is_plainly_good(item: Mapping[str, Any]) -> bool:
    """Return whether the checks below would find nothing, apart from `at`.

    They take long for thousands of events, and nearly all are good. An event that is good in an
    unusual way may go through them.
    """
    get = item.get
    texts = (get("id"), get("model"), get("project", "-"), get("pool", "-"))
    tokens, cached, output = get("input_tokens"), get("cached_tokens", 0), get("output_tokens")
    for text in texts:
        if type(text) is not str or not 0 < len(text) <= LONGEST_ID or not text.isprintable():
            return False
    return (
        type(tokens) is type(cached) is type(output) is int
        and 0 <= cached <= tokens <= MOST_TOKENS
        and 0 <= output <= MOST_TOKENS
        and not item["id"].startswith(ids.GATEWAY)
        and type(get("disable", False)) is bool
        and item.keys() <= NAMES
        and get("at") is not None
    )


def _name_problem(item: Mapping[str, Any]) -> str | None:
    for name in REQUIRED:
        if item.get(name) is None:
            return f"{name}: This field is required."
    if unknown := item.keys() - NAMES:
        return f"{min(unknown)}: There is no such field."
    return None


def _text_problem(item: Mapping[str, Any]) -> str | None:
    for name in TEXTS:
        text = item.get(name)
        if text is None and name not in REQUIRED:
            continue
        if not isinstance(text, str) or not text or not is_single_line(text):
            return f"{name}: This is text on one line."
        if len(text) > LONGEST_ID:
            return f"{name}: At most {LONGEST_ID} characters."
    if item["id"].startswith(ids.GATEWAY):
        return (
            f"id: Those that begin with {ids.GATEWAY} are our gateway's, which counts them itself."
        )
    return None


def _count_problem(item: Mapping[str, Any]) -> str | None:
    for name in COUNTS:
        count = item.get(name)
        if count is None and name not in REQUIRED:
            continue
        if type(count) is not int or not 0 <= count <= MOST_TOKENS:
            return f"{name}: This is a whole number from 0 to {MOST_TOKENS:,}."
    if (item.get("cached_tokens") or 0) > item["input_tokens"]:
        return "cached_tokens: They are part of the input tokens, so at most as many."
    if type(item.get("disable", False)) is not bool:
        return "disable: This is true or false."
    return None
