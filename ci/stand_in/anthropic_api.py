"""Anthropic's Messages API as published at platform.claude.com/docs: answers, the stream's events, errors.

Both API versions that there are; since 2026-10-21 a request may not say how its tokens are sampled.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ci.stand_in.answers import Answer, Api, Question, Refusal, tokens

# platform.claude.com/docs/en/api/errors
ERRORS = {
    400: ("invalid_request_error", "The request's form or content is wrong."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is an issue with your billing or payment information."),
    403: ("permission_error", "Your API key has no permission to use this resource."),
    404: ("not_found_error", "Not found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    409: ("conflict_error", "The request conflicts with the current state of a resource."),
    413: ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}


_VERSIONS = ("2023-06-01", "2026-10-21")
_SAMPLING = ("temperature", "top_p", "top_k")
# From Claude 4.7 on only the default is taken, in the older version of the API too.
_WITHOUT_SAMPLING = re.compile(r"claude-[a-z]+-(?:4-[7-9]|[5-9])")


class AnthropicApi(Api):
    """`/v1/messages`."""

    id_header = b"request-id"

    def key(self, headers: dict[bytes, bytes]) -> str:
        if given := headers.get(b"x-api-key", b"").decode("latin-1"):
            return given
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def read(self, headers: dict[bytes, bytes], body: Any) -> Question | Refusal:
        version = headers.get(b"anthropic-version", b"").decode("latin-1")
        if version not in _VERSIONS:
            said = f'"{version}" is not a valid version' if version else "header is required"
            return Refusal(400, f"anthropic-version: {said}")
        if not isinstance(body, dict):
            return Refusal(400, "The request body is not valid JSON")
        for name in ("model", "max_tokens", "messages"):
            if name not in body:
                return Refusal(400, f"{name}: Field required")
        if wrong := _wrong(body, version):
            return Refusal(400, wrong)
        if body["model"].startswith("missing-"):
            return Refusal(404, f"model: {body['model']}")
        texts = [_text(message["content"]) for message in body["messages"]]
        asked = [text for text, message in zip(texts, body["messages"], strict=True) if message["role"] == "user"]
        spent = tokens(_text(body.get("system", ""))) + sum(tokens(text) for text in texts)
        stream = body.get("stream") is True
        return Question(body["model"], asked[-1] if asked else "", spent, body["max_tokens"], stream)

    def whole(self, identity: str, question: Question, answer: Answer) -> dict[str, Any]:
        content = [{"type": "text", "text": "".join(answer.pieces)}]
        stop = {"stop_reason": _stop_reason(answer), "usage": _usage(answer, answer.output_tokens)}
        return _message(identity, question, content) | stop

    def first(self, identity: str, question: Question, answer: Answer) -> bytes:
        message = _message(identity, question, []) | {"usage": _usage(answer, 1)}
        block = {"type": "text", "text": ""}
        return (
            _event({"type": "message_start", "message": message})
            + _event({"type": "content_block_start", "index": 0, "content_block": block})
            + _event({"type": "ping"})
        )

    def piece(self, identity: str, question: Question, text: str) -> bytes:
        return _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})

    def last(self, identity: str, question: Question, answer: Answer) -> bytes:
        delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
        usage = {"output_tokens": answer.output_tokens}
        return (
            _event({"type": "content_block_stop", "index": 0})
            + _event({"type": "message_delta", "delta": delta, "usage": usage})
            + _event({"type": "message_stop"})
        )

    def error(self, refusal: Refusal, identity: str) -> dict[str, Any]:
        kind, message = ERRORS.get(refusal.status, ERRORS[500 if refusal.status >= 500 else 400])
        error = {"type": kind, "message": refusal.message or message}
        return {"type": "error", "error": error, "request_id": f"req_{identity}"}

    def stream_error(self, refusal: Refusal, identity: str) -> bytes:
        return _event(self.error(refusal, identity))


def _wrong(body: dict[str, Any], version: str) -> str:
    if not isinstance(body["model"], str) or not body["model"]:
        return "model: Input should be a valid string"
    if type(body["max_tokens"]) is not int or body["max_tokens"] < 1:
        return "max_tokens: Input should be greater than or equal to 1"
    if not isinstance(body["messages"], list) or not body["messages"]:
        return "messages: at least one message is required"
    for place, message in enumerate(body["messages"]):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            return f"messages.{place}.role: Input should be 'user' or 'assistant'"
        if not isinstance(message.get("content"), str | list) or not message["content"]:
            return f"messages.{place}.content: Input should be a non-empty string or list"
    if version != _VERSIONS[0]:
        return next((f"{name}: Extra inputs are not permitted" for name in _SAMPLING if name in body), "")
    temperature = body.get("temperature", 1)
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 1:
        return "temperature: Input should be between 0 and 1"
    if temperature != 1 and _WITHOUT_SAMPLING.match(body["model"]):
        return "`temperature` is deprecated for this model."
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content if isinstance(block, dict))


def _message(identity: str, question: Question, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"msg_{identity}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(answer: Answer, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": answer.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _stop_reason(answer: Answer) -> str:
    return "max_tokens" if answer.cut else "end_turn"


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()
