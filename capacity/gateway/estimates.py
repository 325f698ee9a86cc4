"""What a request may use, before it is known (R15): an estimate without a tokenizer.

Tokenizers differ by model and cost more than admission itself. Coverage is decided by the actual
figures (R14), so an estimate need only be near, and the same for everybody:

- text: a token for each 4 bytes of UTF-8, rounded up, and 3 tokens for each message;
- token ids (embeddings): as many as there are;
- an image: 765 tokens, 85 with `"detail": "low"`; any other media part: 1,000;
- output: the limit that the request names, times its `n`; without one the setting's.

What the upstream adds itself is not in the body and not in the estimate: earlier turns that it
keeps, stored prompts, and what its own tools find. It counts when the answer says what was used.
"""

from collections.abc import Mapping
from typing import Any

from capacity.gateway.errors import invalid

BYTES_A_TOKEN = 4
TOKENS_A_MESSAGE = 3
IMAGE_TOKENS, LOW_DETAIL_IMAGE_TOKENS = 765, 85
MEDIA_TOKENS = 1_000
MOST_OUTPUT_TOKENS = 10**9
MOST_CHOICES = 128

PROMPT_FIELDS = frozenset(
    {
        *("messages", "input", "instructions", "prompt", "tools", "functions"),
        *("response_format", "text", "prediction"),
    }
)
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
CHOICES = ("n", "best_of")
IMAGES = frozenset({"image_url", "input_image"})
PARTS = IMAGES | {"input_audio", "file", "input_file", "input_video", "video_url"}
"""Parts of a message that are no text."""


def prompt_tokens(document: Mapping[str, Any]) -> int:
    """Return the estimate of input tokens of a request's body."""
    return _tokens([document[field] for field in document if field in PROMPT_FIELDS])


def text_tokens(value: Any) -> int:
    """Return what the texts of an answer come to, which does not say how many tokens it has."""
    return _tokens([value])


def _tokens(waiting: list[Any]) -> int:
    """Return the tokens of values that came as JSON, which are of those very types."""
    text_bytes = tokens = 0
    for value in waiting:  # It grows meanwhile.
        kind = type(value)
        if kind is str:
            text_bytes += len(value) if value.isascii() else _size(value)
        elif kind is dict:
            part = value.get("type")  # In the schema of a tool it may be a list.
            if type(part) is str and part in PARTS:
                tokens += _image_tokens(value) if part in IMAGES else MEDIA_TOKENS
            else:
                if "role" in value:
                    tokens += TOKENS_A_MESSAGE
                waiting += value.values()
        elif kind is list and value:
            if type(value[0]) is int:
                tokens += len(value)  # Token ids.
            else:
                waiting += value
    return tokens - -text_bytes // BYTES_A_TOKEN


def _size(text: str) -> int:
    """Return the bytes of a text; an answer may hold half a surrogate pair."""
    return len(text.encode(errors="surrogatepass"))


def output_tokens(document: Mapping[str, Any], *, default: int) -> int:
    """Return the estimate of output tokens: the limit in the body, or `default`, for each choice.

    Raises GatewayError for a limit that is none.
    """
    limits = _counts(document, OUTPUT_LIMITS, MOST_OUTPUT_TOKENS)
    choices = _counts(document, CHOICES, MOST_CHOICES)
    return max(limits, default=default) * max((1, *choices))


def _counts(document: Mapping[str, Any], fields: tuple[str, ...], at_most: int) -> list[int]:
    """Return the fields that are there. Null is as good as absent, as in OpenAI's API."""
    counts = []
    for field in fields:
        value = document.get(field)
        if value is not None:
            if type(value) is not int or not 0 <= value <= at_most:
                raise invalid(f"'{field}' is a whole number from 0 to {at_most:,}.", param=field)
            counts.append(value)
    return counts


def _image_tokens(part: Mapping[str, Any]) -> int:
    image = part.get("image_url")
    details = image if isinstance(image, dict) else part
    return LOW_DETAIL_IMAGE_TOKENS if details.get("detail") == "low" else IMAGE_TOKENS
