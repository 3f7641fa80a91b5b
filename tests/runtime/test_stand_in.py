"""The providers' stand-in, asked by the providers' own SDKs: its answers, streams and errors are what they expect."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_python import runtime_python
from stand_in_process import StandIn, running

ANSWER = "One two three."
TASK = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Say it."}]}
CHAT = {"model": "gpt-5", "max_completion_tokens": 100, "messages": [{"role": "user", "content": "Say it."}]}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def process() -> Iterator[StandIn]:
    with running(runtime_python(), "--answer", ANSWER) as started:
        yield started


@pytest.fixture
def stand_in(process: StandIn) -> StandIn:
    process.forget()
    return process


@pytest.fixture(scope="module")
def ask(process: StandIn) -> Iterator[Ask]:
    """Calls through an SDK: `api`, its arguments, and by name `key` and `retries`."""
    command = [runtime_python(), str(Path(__file__).with_name("sdk_client.py")), process.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:

        def asked(api: str, arguments: dict[str, Any], **rest: Any) -> dict[str, Any]:
            assert client.stdin
            assert client.stdout
            client.stdin.write(json.dumps({"api": api, "arguments": arguments, **rest}) + "\n")
            client.stdin.flush()
            answer: dict[str, Any] = json.loads(client.stdout.readline())
            return answer

        try:
            yield asked
        finally:
            client.terminate()


def test_both_apis_answer_with_the_sentence_and_its_tokens(stand_in: StandIn, ask: Ask) -> None:
    message = ask("messages", TASK)
    assert message["content"] == [{"type": "text", "text": ANSWER}]
    assert message["stop_reason"] == "end_turn"
    assert (message["usage"]["input_tokens"], message["usage"]["output_tokens"]) == (2, 4)
    completion = ask("completions", CHAT)
    assert completion["choices"][0]["message"]["content"] == ANSWER
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


def test_the_last_message_of_the_user_comes_back_where_it_is_told_to_echo(stand_in: StandIn, ask: Ask) -> None:
    assert ask("messages", TASK, key="sk-echo")["content"][0]["text"] == "Say it."
    stand_in.tell(echo=True)
    assert ask("completions", CHAT)["choices"][0]["message"]["content"] == "Say it."


def test_an_answer_ends_where_its_tokens_end(stand_in: StandIn, ask: Ask) -> None:
    message = ask("messages", TASK | {"max_tokens": 2})
    assert (message["content"][0]["text"], message["stop_reason"]) == (ANSWER[:8], "max_tokens")
    completion = ask("completions", CHAT | {"max_completion_tokens": 2})
    assert completion["choices"][0]["finish_reason"] == "length"


def test_a_stream_of_messages_has_the_events_of_the_api_in_order(stand_in: StandIn, ask: Ask) -> None:
    streamed = ask("messages", TASK | {"stream": True})
    # `text` is the SDK's own event beside each delta; it swallows pings.
    said = [kind for kind in streamed["events"] if kind != "text"]
    deltas = ["content_block_delta"] * 3
    end = ["content_block_stop", "message_delta", "message_stop"]
    assert said == ["message_start", "content_block_start", *deltas, *end]
    assert streamed["final"]["content"][0]["text"] == ANSWER
    assert streamed["final"]["usage"]["output_tokens"] == 4


def test_a_stream_of_a_completion_says_its_usage_when_asked(stand_in: StandIn, ask: Ask) -> None:
    chunks = ask("completions", CHAT | {"stream": True, "stream_options": {"include_usage": True}})["chunks"]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks[:-1]) == ANSWER
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 4
    without = ask("completions", CHAT | {"stream": True})["chunks"]
    assert len(without) == len(chunks) - 1
    assert not any("usage" in chunk for chunk in without)


def test_the_pieces_of_a_stream_are_those_that_it_is_told(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(pieces=["4111 11", "11 1111 1111"])
    chunks = ask("completions", CHAT | {"stream": True})["chunks"]
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks[1:3]] == ["4111 11", "11 1111 1111"]


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid_request_error", "BadRequestError"),
        (401, "authentication_error", "AuthenticationError"),
        (403, "permission_error", "PermissionDeniedError"),
        (404, "not_found_error", "NotFoundError"),
        (413, "request_too_large", "ContentTooLargeError"),
        (429, "rate_limit_error", "RateLimitError"),
        (500, "api_error", "InternalServerError"),
        (529, "overloaded_error", "OverloadedError"),
    ],
)
def test_an_error_of_messages_is_what_the_sdk_knows(
    stand_in: StandIn, ask: Ask, status: int, kind: str, raised: str
) -> None:
    answer = ask("messages", TASK, key=f"sk-status-{status}")
    assert (answer["status"], answer["raised"]) == (status, raised)
    assert answer["body"]["type"] == "error"
    assert answer["body"]["error"]["type"] == kind
    assert answer["retry_after"] == ("1" if status == 429 else None)


@pytest.mark.parametrize(
    ("status", "raised", "code"),
    [
        (401, "AuthenticationError", "invalid_api_key"),
        (429, "RateLimitError", "rate_limit_exceeded"),
        (500, "InternalServerError", None),
    ],
)
def test_an_error_of_completions_is_what_the_sdk_knows(
    stand_in: StandIn, ask: Ask, status: int, raised: str, code: str | None
) -> None:
    answer = ask("completions", CHAT, key=f"sk-status-{status}")
    assert (answer["status"], answer["raised"], answer["body"]["code"]) == (status, raised, code)


def test_failures_are_used_up_one_a_request_and_the_sdk_tries_again(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(fail=[529, 429], retry_after_seconds=0.01)
    assert ask("messages", TASK, retries=2)["content"][0]["text"] == ANSWER
    assert stand_in.seen()["by_status"] == {"200": 1, "429": 1, "529": 1}


def test_an_error_within_a_stream_reaches_the_client(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(stream_fail=[529, 500])
    overloaded = ask("messages", TASK | {"stream": True})
    assert overloaded["body"]["error"]["type"] == "overloaded_error"
    assert "error" in ask("completions", CHAT | {"stream": True})["message"]


def test_a_connection_that_is_cut_off_is_an_error_and_no_answer(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(fail=[0], stream_fail=[0])
    assert "raised" in ask("messages", TASK)
    assert "raised" in ask("messages", TASK | {"stream": True})
    assert "raised" not in ask("messages", TASK)


def test_a_revoked_or_unknown_key_is_refused(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(keys=["sk-new"])
    assert ask("messages", TASK, key="sk-old")["status"] == 401
    assert "raised" not in ask("messages", TASK, key="sk-new")
    stand_in.tell(revoked=True)
    assert ask("completions", CHAT, key="sk-new")["status"] == 401


@pytest.mark.parametrize(
    ("api", "change", "word"),
    [
        ("messages", {"messages": []}, "at least one message"),
        ("messages", {"extra_body": {"temperature": 1}}, "temperature: Extra inputs are not permitted"),
        ("completions", {"max_tokens": 10}, "max_completion_tokens"),
        ("completions", {"temperature": 0.7}, "temperature"),
    ],
)
def test_a_request_that_the_provider_would_refuse_is_refused(
    stand_in: StandIn, ask: Ask, api: str, change: dict[str, Any], word: str
) -> None:
    answer = ask(api, (TASK if api == "messages" else CHAT) | change)
    assert answer["status"] == 400
    assert word in answer["message"]


def test_the_older_version_of_the_messages_api_still_takes_a_temperature(stand_in: StandIn, ask: Ask) -> None:
    older = TASK | {"extra_headers": {"anthropic-version": "2023-06-01"}}
    assert "raised" not in ask("messages", older | {"extra_body": {"temperature": 0.2}})
    assert "temperature" in ask("messages", older | {"extra_body": {"temperature": 1.5}})["message"]
    newer = older | {"model": "claude-opus-4-7"}
    assert "deprecated" in ask("messages", newer | {"extra_body": {"temperature": 0.2}})["message"]
    assert "raised" not in ask("messages", newer)


def test_moderations_flag_what_they_are_told_to(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(flags={"hate": "grue"})
    judged = ask("moderations", {"input": ["a grue", "a lamp"]})["results"]
    assert [one["flagged"] for one in judged] == [True, False]
    assert [name for name, flagged in judged[0]["categories"].items() if flagged] == ["hate"]


def test_it_waits_as_told_and_counts_what_waits_together(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(delay_seconds=0.2)
    start = time.monotonic()
    ask("messages", TASK)
    assert time.monotonic() - start >= 0.2
    assert stand_in.seen()["most_in_flight"] == 1


def test_the_last_requests_are_shown_without_keys(stand_in: StandIn, ask: Ask) -> None:
    stand_in.tell(keys=["sk-hidden"])
    ask("messages", TASK | {"system": "You are terse."}, key="sk-hidden")
    ask("messages", TASK, key="sk-other")
    seen = stand_in.seen()
    assert seen["last"][0]["body"]["system"] == "You are terse."
    assert [one["status"] for one in seen["last"]] == [200, 401]
    assert "sk-" not in json.dumps(seen)


def test_a_control_request_with_a_wrong_name_says_which_there_are(stand_in: StandIn) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        stand_in.tell(dely_seconds=1)
    said = json.load(error.value)["error"]
    assert "dely_seconds" in said
    assert "delay_seconds" in said
