"""Calls a provider through its official SDK: one JSON line in, one JSON line out. Runs in the service's environment."""

from __future__ import annotations

import json
import sys
from typing import Any

import anthropic
import openai


def call(url: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the SDK gives back, or what it raises."""
    try:
        return CALLS[asked["api"]](url, asked.get("key", "sk-test"), asked.get("retries", 0), asked["arguments"])
    except (anthropic.APIError, openai.APIError) as error:
        response = getattr(error, "response", None)
        headers = {} if response is None else dict(response.headers)
        status = getattr(error, "status_code", None)
        said = {"raised": type(error).__name__, "status": status, "body": error.body, "message": str(error)}
        return said | {"retry_after": headers.get("retry-after")}
    except Exception as error:
        return {"raised": type(error).__name__, "message": str(error)}


def messages(url: str, key: str, retries: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """Anthropic's Messages API."""
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=retries) as client:
        if not arguments.pop("stream", False):
            return client.messages.create(**arguments).model_dump(mode="json", exclude_unset=True)
        with client.messages.stream(**arguments) as stream:
            events = [event.type for event in stream]
        final = stream.get_final_message().model_dump(mode="json", exclude_unset=True)
    return {"events": events, "final": final}


def completions(url: str, key: str, retries: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's chat completions."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=retries) as client:
        given = client.chat.completions.create(**arguments)
        if arguments.get("stream"):
            return {"chunks": [chunk.model_dump(mode="json", exclude_unset=True) for chunk in given]}
        return given.model_dump(mode="json", exclude_unset=True)


def moderations(url: str, key: str, retries: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's moderations."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=retries) as client:
        return client.moderations.create(**arguments).model_dump(mode="json", by_alias=True)


CALLS = {"messages": messages, "completions": completions, "moderations": moderations}

if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(call(sys.argv[1], json.loads(line))), flush=True)
