"""The objects of OpenAI's API, as far as the demo answers with them."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Object = dict[str, Any]

SENTENCE = re.findall(
    r"\S+",
    "This is the demo upstream of Scale Tier : it has no model , and answers every prompt "
    "with these words , one token each , so that one sees what is counted .",
)
DEFAULT_TOKENS = len(SENTENCE)


@dataclass(slots=True)
class Reply:
    """One answer: its tokens, and what it says of its use."""

    model: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    is_cut_short: bool
    """The limit for output tokens ended it."""
    id: str = field(default_factory=lambda: uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def tokens(self) -> Iterator[str]:
        """Yield the tokens of the text, one by one."""
        for position in range(self.output_tokens):
            word = SENTENCE[position % len(SENTENCE)]
            yield word if position == 0 or word in {",", ".", ":"} else f" {word}"

    @property
    def text(self) -> str:
        return "".join(self.tokens())

    @property
    def finish_reason(self) -> str:
        return "length" if self.is_cut_short else "stop"

    @property
    def total(self) -> int:
        return self.prompt_tokens + self.output_tokens


def chat_usage(reply: Reply) -> Object:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.total,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def chat(reply: Reply) -> Object:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    return {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": reply.finish_reason,
            }
        ],
        "usage": chat_usage(reply),
        "service_tier": "default",
    }


def chat_chunks(reply: Reply, *, with_usage: bool) -> Iterator[Object]:
    """Yield the chunks of a streamed chat completion: a role, tokens, an end, and the usage."""
    head = {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "service_tier": "default",
    }
    tail: Object = {"usage": None} if with_usage else {}

    def chunk(delta: Object, finish_reason: str | None = None) -> Object:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**head, "choices": [choice], **tail}

    yield chunk({"role": "assistant", "content": ""})
    for token in reply.tokens():
        yield chunk({"content": token})
    yield chunk({}, reply.finish_reason)
    if with_usage:
        yield {**head, "choices": [], "usage": chat_usage(reply)}


def response_usage(reply: Reply) -> Object:
    return {
        "input_tokens": reply.prompt_tokens,
        "input_tokens_details": {"cached_tokens": reply.cached_tokens},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.total,
    }


def response(reply: Reply, *, is_complete: bool = True) -> Object:
    part = {"type": "output_text", "text": reply.text, "annotations": []}
    message = {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": reply.created,
        "model": reply.model,
        "status": "completed" if is_complete else "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [message] if is_complete else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": response_usage(reply) if is_complete else None,
        "service_tier": "default",
    }


def response_events(reply: Reply) -> Iterator[Object]:
    """Yield the events of a streamed response."""
    yield {"type": "response.created", "response": response(reply, is_complete=False)}
    place = {"item_id": f"msg_{reply.id}", "output_index": 0, "content_index": 0}
    for token in reply.tokens():
        yield {"type": "response.output_text.delta", "delta": token, "logprobs": [], **place}
    yield {"type": "response.output_text.done", "text": reply.text, "logprobs": [], **place}
    yield {"type": "response.completed", "response": response(reply)}


def embeddings(reply: Reply, *, count: int) -> Object:
    data = [
        {"object": "embedding", "index": index, "embedding": [0.0, 0.6, 0.8]}
        for index in range(count)
    ]
    return {
        "object": "list",
        "data": data,
        "model": reply.model,
        "usage": {"prompt_tokens": reply.prompt_tokens, "total_tokens": reply.prompt_tokens},
    }


def error(status: int) -> Object:
    return {
        "error": {
            "message": f"The demo upstream was asked for an error {status}.",
            "type": "server_error" if status >= 500 else "invalid_request_error",
            "param": None,
            "code": f"demo_{status}",
        }
    }
