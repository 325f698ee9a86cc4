"""What a prompt asks of the demo, in double square brackets: `[[delay 2]]`, `[[error 500]]`.

They are in the prompt because a gateway passes prompts on, whatever client sends them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_DIRECTION = re.compile(r"\[\[\s*([a-z_]+)(?:\s+(\d+(?:\.\d+)?))?\s*\]\]")

HELP = {
    "[[tokens N]]": "answer with N tokens",
    "[[cached N]]": "say that N of the input tokens were cached",
    "[[delay S]]": "wait S seconds before the answer",
    "[[pace S]]": "wait S seconds between two tokens of a stream",
    "[[error N]]": "answer with status N and an error",
    "[[hang]]": "never answer",
    "[[cut]]": "break the connection off in the middle of the answer",
    "[[malformed]]": "break the JSON in the middle of the answer",
    "[[no_usage]]": "do not say what was used",
    "[[gzip]]": "compress the answer",
}


@dataclass(frozen=True, slots=True)
class Directions:
    """What to do beside answering. Times are in seconds."""

    tokens: int | None = None
    cached: int = 0
    delay: float = 0
    pace: float = 0
    error: int = 0
    hang: bool = False
    cut: bool = False
    malformed: bool = False
    no_usage: bool = False
    gzip: bool = False

    @classmethod
    def read(cls, prompt: str) -> "Directions":
        """Read the directions in a prompt. Unknown ones are ordinary text."""
        found: dict[str, str] = dict(_DIRECTION.findall(prompt))
        whole = {
            name: int(float(found[name] or 0))
            for name in ("tokens", "cached", "error")
            if name in found
        }
        seconds = {name: float(found[name] or 0) for name in ("delay", "pace") if name in found}
        flags = {
            name: True for name in ("hang", "cut", "malformed", "no_usage", "gzip") if name in found
        }
        return cls(**whole, **seconds, **flags)  # type: ignore[arg-type]


def texts(value: Any) -> Iterator[str]:
    """Yield all texts of a prompt, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in {"role", "type"}:
                yield from texts(item)
