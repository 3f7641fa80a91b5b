"""OpenAI's chat completions and moderations as published at platform.openai.com/docs: answers, chunks, errors."""

from __future__ import annotations

import json
from typing import Any

from ci.stand_in.answers import Answer, Api, Question, Refusal, tokens
from ci.stand_in.behaviour import Behaviour

CREATED = 1_700_000_000
"""A fixed second, so that two runs answer the same."""
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip

# platform.openai.com/docs/guides/error-codes: type, code, message
ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request's form or content is wrong."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", None, "Invalid URL"),
    405: ("invalid_request_error", "method_not_supported", "Not allowed to use this method."),
    413: ("invalid_request_error", None, "The request is too large."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
# These take max_completion_tokens in place of max_tokens, and no temperature but 1.
_REASONING = ("gpt-5", "o1", "o3", "o4")


class OpenAiApi(Api):
    """`/v1/chat/completions`; errors are the same for `/v1/moderations`."""

    id_header = b"x-request-id"

    def key(self, headers: dict[bytes, bytes]) -> str:
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def read(self, headers: dict[bytes, bytes], body: Any) -> Question | Refusal:
        if not isinstance(body, dict):
            return Refusal(400, "We could not parse the JSON body of your request.")
        for name in ("model", "messages"):
            if name not in body:
                return Refusal(400, f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        if refusal := _wrong(body):
            return refusal
        texts = [_text(message.get("content")) for message in body["messages"]]
        asked = [text for text, message in zip(texts, body["messages"], strict=True) if message["role"] == "user"]
        most = body.get("max_completion_tokens") or body.get("max_tokens") or 1_000_000
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        spent, stream = sum(tokens(text) for text in texts), body.get("stream") is True
        return Question(body["model"], asked[-1] if asked else "", spent, most, stream, with_usage)

    def whole(self, identity: str, question: Question, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(answer.pieces),
            "refusal": None,
            "annotations": [],
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
        return {
            "id": f"chatcmpl-{identity}",
            "object": "chat.completion",
            "created": CREATED,
            "model": question.model,
            "choices": [choice],
            "usage": _usage(answer),
        }

    def first(self, identity: str, question: Question, answer: Answer) -> bytes:
        return _chunk(identity, question, {"role": "assistant", "content": "", "refusal": None})

    def piece(self, identity: str, question: Question, text: str) -> bytes:
        return _chunk(identity, question, {"content": text})

    def last(self, identity: str, question: Question, answer: Answer) -> bytes:
        end = _chunk(identity, question, {}, _finish_reason(answer))
        if question.with_usage:
            end += _data(identity, question, {"choices": [], "usage": _usage(answer)})
        return end + b"data: [DONE]\n\n"

    def error(self, refusal: Refusal, identity: str) -> dict[str, Any]:
        kind, code, message = ERRORS.get(refusal.status, ERRORS[500 if refusal.status >= 500 else 400])
        said = refusal.message or message
        return {"error": {"message": said, "type": kind, "param": refusal.field, "code": refusal.code or code}}

    def stream_error(self, refusal: Refusal, identity: str) -> bytes:
        return f"data: {json.dumps(self.error(refusal, identity))}\n\n".encode()


def _wrong(body: dict[str, Any]) -> Refusal | None:
    model, messages = body["model"], body["messages"]
    if not isinstance(model, str) or not model:
        return Refusal(400, "you must provide a model parameter")
    if model.startswith("missing-"):
        message = f"The model `{model}` does not exist or you do not have access to it."
        return Refusal(404, message, None, "model_not_found")
    roles = ("developer", "system", "user", "assistant", "tool")
    if not isinstance(messages, list) or not messages:
        return Refusal(400, "Invalid 'messages': empty array.", "messages", "empty_array")
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in roles:
            return Refusal(400, f"Invalid value: 'messages[{place}].role'.", f"messages[{place}].role", "invalid_value")
    if model.startswith(_REASONING):
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens' is not supported with this model. "
            message += "Use 'max_completion_tokens' instead."
            return Refusal(400, message, "max_tokens", "unsupported_parameter")
        if body.get("temperature", 1) not in (1, None):
            message = "Unsupported value: 'temperature' does not support this value with this model. "
            message += "Only the default (1) value is supported."
            return Refusal(400, message, "temperature", "unsupported_value")
    return None


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _usage(answer: Answer) -> dict[str, int]:
    spent = {"prompt_tokens": answer.input_tokens, "completion_tokens": answer.output_tokens}
    return spent | {"total_tokens": answer.input_tokens + answer.output_tokens}


def _finish_reason(answer: Answer) -> str:
    return "length" if answer.cut else "stop"


def _chunk(identity: str, question: Question, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
    return _data(identity, question, {"choices": choices} | ({"usage": None} if question.with_usage else {}))


def _data(identity: str, question: Question, rest: dict[str, Any]) -> bytes:
    head = {
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": question.model,
    }
    return f"data: {json.dumps(head | rest)}\n\n".encode()


def moderation(identity: str, body: Any, behaviour: Behaviour) -> dict[str, Any] | Refusal:
    """The answer to `POST /v1/moderations`: an input is in a category when the behaviour's text for it is in there."""
    given = body.get("input") if isinstance(body, dict) else None
    if not isinstance(given, str | list) or not given:
        return Refusal(400, "Missing required parameter: 'input'.", "input", "missing_required_parameter")
    # A list of strings is as many inputs, a list of parts is one.
    texts = given if isinstance(given, list) and isinstance(given[0], str) else [_text(given)]
    results = [_judged(text, behaviour) for text in texts]
    return {"id": f"modr-{identity}", "model": body.get("model") or "omni-moderation-latest", "results": results}


def _judged(text: str, behaviour: Behaviour) -> dict[str, Any]:
    found = {category for category, sign in behaviour.flags if sign in text}
    return {
        "flagged": bool(found),
        "categories": {name: name in found for name in CATEGORIES},
        "category_scores": {name: 0.99 if name in found else 0.01 for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
