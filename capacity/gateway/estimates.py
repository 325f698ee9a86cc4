"""What a request may use, before it is known (R15): an estimate without a tokenizer.

Tokenizers differ by model and cost more than admission itself. Coverage is decided by the actual
figures (R14), so an estimate need only be near, and the same for everybody:

- text: a token for each 4 bytes of UTF-8, rounded up, and 3 tokens for each message;
- token ids (embeddings): as many as there are;
- an image: 765 tokens, 85 with `"detail": "low"`; any other media part: 1,000;
- output: the limit that the request names, times its `n`; without one the setting's.
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

PROMPT_FIELDS = (
    *("messages", "input", "instructions", "prompt", "tools", "functions"),
    *("response_format", "text", "prediction"),
)
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
IMAGES = frozenset({"image_url", "input_image"})
MEDIA = frozenset({"input_audio", "file", "input_file", "input_video", "video_url"})


def prompt_tokens(document: Mapping[str, Any]) -> int:
    """Return the estimate of input tokens of a request's body."""
    return _tokens([document[field] for field in PROMPT_FIELDS if field in document])


def text_tokens(value: Any) -> int:
    """Return what the texts of an answer come to, which does not say how many tokens it has."""
    return _tokens([value])


def _tokens(waiting: list[Any]) -> int:
    text_bytes = tokens = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            text_bytes += len(value) if value.isascii() else len(value.encode())
        elif isinstance(value, list):
            if value and isinstance(value[0], int):
                tokens += len(value)  # Token ids.
            else:
                waiting += value
        elif isinstance(value, dict):
            kind = value.get("type")
            if kind in IMAGES:
                tokens += _image_tokens(value)
            elif kind in MEDIA:
                tokens += MEDIA_TOKENS
            else:
                tokens += TOKENS_A_MESSAGE if "role" in value else 0
                waiting += value.values()
    return tokens - -text_bytes // BYTES_A_TOKEN


def output_tokens(document: Mapping[str, Any], *, default: int) -> int:
    """Return the estimate of output tokens: the limit in the body, or `default`, for each choice.

    Raises GatewayError for a limit that is none.
    """
    limits = [_count(document, field) for field in OUTPUT_LIMITS if document.get(field) is not None]
    choices = _count(document, "n", at_most=MOST_CHOICES) if document.get("n") is not None else 1
    return max(limits, default=default) * max(1, choices)


def _count(document: Mapping[str, Any], field: str, *, at_most: int = MOST_OUTPUT_TOKENS) -> int:
    value = document[field]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= at_most:
        raise invalid(f"'{field}' is a whole number from 0 to {at_most:,}.", param=field)
    return value


def _image_tokens(part: Mapping[str, Any]) -> int:
    image = part.get("image_url")
    details = image if isinstance(image, dict) else part
    return LOW_DETAIL_IMAGE_TOKENS if details.get("detail") == "low" else IMAGE_TOKENS
