"""What the service makes of its provider's failures, and of answers in pieces, for both APIs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from agent_service import CALLER_KEY, PROVIDER_KEY, Service, anthropic, settings, wait_until
from stand_in_process import StandIn


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def service(request: pytest.FixtureRequest, service_process: Service, provider_process: StandIn) -> Service:
    """Both APIs; 5 s and three attempts for the provider."""
    timeouts = {"provider_seconds": 5, "attempts": 3}
    config = settings(provider_process.url, timeouts=timeouts, safety={"pii": "off", "output": "mask"})
    service_process.adopt(anthropic(config) if request.param == "anthropic" else config)
    return service_process


def streamed(service: Service, task: str = "Write a brief.") -> tuple[httpx.Response, list[tuple[str, Any]]]:
    """The answer to a task in pieces: (event, data) in order."""
    answer = service.post({"task_description": task, "stream": True})
    events = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return answer, events


def test_a_whole_answer(service: Service, provider: StandIn) -> None:
    provider.tell(answer="Short.")
    answer = service.post()
    assert (answer.status_code, answer.json()["result"]) == (200, "Short.")
    assert answer.json()["tokens_used"]["input"] > 0


def test_an_answer_that_was_cut_off_says_so(service: Service, provider: StandIn) -> None:
    provider.tell(answer="word " * 6000)
    assert service.post().json()["stop_reason"] == "max_tokens"


@pytest.mark.parametrize("status", [429, 500, 529])
def test_an_overloaded_provider_is_asked_again(service: Service, provider: StandIn, status: int) -> None:
    provider.tell(fail=[status], retry_after_seconds=0.1)
    before = service.metric("agent_provider_retries_total")
    assert service.post().status_code == 200
    assert service.metric("agent_provider_retries_total") == before + 1
    assert provider.seen()["requests"] == 2


def test_attempts_are_bounded_and_the_caller_is_told_when_to_come_back(service: Service, provider: StandIn) -> None:
    provider.tell(fail=[429] * 9, retry_after_seconds=0.1)
    answer = service.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_ERROR")
    assert int(answer.headers["retry-after"]) == answer.json()["error"]["details"]["retry_after"]
    assert provider.seen()["requests"] == 3


def test_a_retry_after_is_waited_for(service: Service, provider: StandIn) -> None:
    provider.tell(fail=[429], retry_after_seconds=1)
    started = time.monotonic()
    assert service.post().status_code == 200
    assert time.monotonic() - started >= 1


def test_a_retry_after_longer_than_the_time_allowed_ends_the_request_at_once(
    service: Service, provider: StandIn
) -> None:
    provider.tell(fail=[429], retry_after_seconds=60)
    started = time.monotonic()
    answer = service.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert time.monotonic() - started < 4
    assert provider.seen()["requests"] == 1


@pytest.mark.parametrize("status", [400, 404, 413])
def test_what_the_provider_does_not_take_is_not_sent_twice(service: Service, provider: StandIn, status: int) -> None:
    provider.tell(fail=[status])
    answer = service.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "PROVIDER_ERROR")
    assert provider.seen()["requests"] == 1


def test_a_revoked_key_is_told_apart_and_not_shown(service: Service, provider: StandIn) -> None:
    provider.tell(revoked=True)
    answer = service.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_REFUSED")
    wait_until(lambda: any(line.get("provider_status") == 401 for line in service.logged()), "it was logged")
    refusal = next(line for line in service.logged() if line.get("provider_status") == 401)
    assert refusal["provider_error"] in ("authentication_error", "invalid_api_key")
    assert PROVIDER_KEY not in answer.text + "\n".join(service.lines)


def test_a_provider_that_is_too_slow(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=30)
    started = time.monotonic()
    answer = service.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "PROVIDER_TIMEOUT")
    # All attempts together: the caller's time is not multiplied.
    assert 4.9 < time.monotonic() - started < 10


def test_a_provider_that_breaks_off(service: Service, provider: StandIn) -> None:
    provider.tell(fail=[0, 0, 0])
    answer = service.post()
    assert (answer.status_code, answer.json()["error"]["code"]) in [(502, "PROVIDER_ERROR"), (504, "PROVIDER_TIMEOUT")]


def test_a_stream_comes_in_pieces_and_ends_with_what_it_used(service: Service, provider: StandIn) -> None:
    provider.tell(answer="One two three.")
    answer, events = streamed(service)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-ratelimit-limit"]
    names = [name for name, _ in events]
    assert names == ["delta"] * (len(names) - 1) + ["done"]
    assert len(names) > 2
    assert "".join(data["text"] for name, data in events if name == "delta") == "One two three."
    done = events[-1][1]
    assert set(done) == {"agent_id", "model", "stop_reason", "tokens_used", "processing_seconds", "request_id"}
    assert done["tokens_used"]["output"] > 0


def test_the_first_piece_is_sent_before_the_last_one_is_there(service: Service, provider: StandIn) -> None:
    provider.tell(pieces=["First ", "second ", "third "], piece_seconds=1)
    body = {"task_description": "x", "stream": True}
    headers = {"authorization": f"Bearer {CALLER_KEY}"}
    started = time.monotonic()
    with httpx.stream("POST", f"{service.url}/api/v1/execute", json=body, headers=headers, timeout=20) as answer:
        times = [time.monotonic() - started for line in answer.iter_lines() if line.startswith("data:")]
    assert times[-1] - times[0] > 0.3


def test_personal_data_is_masked_across_the_pieces_of_a_stream(service: Service, provider: StandIn) -> None:
    provider.tell(pieces=["Write to ann", "a@exam", "ple.com, or ", "call."])
    _, events = streamed(service)
    text = "".join(data["text"] for name, data in events if name == "delta")
    assert "example.com" not in text
    assert text.startswith("Write to ")
    assert text.endswith("call.")


def test_an_error_before_the_first_piece_has_its_own_status(service: Service, provider: StandIn) -> None:
    provider.tell(revoked=True)
    answer = service.post({"task_description": "x", "stream": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_REFUSED")


@pytest.mark.parametrize("failure", [529, 0])
def test_a_stream_that_fails_half_way_ends_with_an_error(service: Service, provider: StandIn, failure: int) -> None:
    provider.tell(stream_fail=[failure], answer="One two three four.")
    before = service.metric("agent_errors_total", code="PROVIDER_ERROR")
    _, events = streamed(service)
    assert events[-1][0] == "error"
    assert events[-1][1]["error"]["code"] == "PROVIDER_ERROR"
    assert [name for name, _ in events].count("done") == 0
    assert service.metric("agent_errors_total", code="PROVIDER_ERROR") == before + 1


def test_who_leaves_a_stream_stops_it_and_what_was_used_is_booked(service: Service, provider: StandIn) -> None:
    provider.tell(pieces=["word "] * 300, piece_seconds=0.2)
    before = service.metric("agent_tokens_used_total", direction="output")
    body = {"task_description": "x", "stream": True}
    headers = {"authorization": f"Bearer {CALLER_KEY}"}
    with httpx.stream("POST", f"{service.url}/api/v1/execute", json=body, headers=headers, timeout=20) as answer:
        next(line for line in answer.iter_lines() if line.startswith("data:"))
    wait_until(lambda: service.metric("agent_in_flight") == 0, "the place was free")
    assert service.metric("agent_tokens_used_total", direction="output") > before


@contextmanager
def ending_early() -> Iterator[str]:
    """A provider whose streams end in good order, but before the answer does."""
    parts = {
        "/v1/messages": 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"text_delta","text":"Half an"}}\n\n',
        "/v1/chat/completions": 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        '[{"index":0,"delta":{"content":"Half an"},"finish_reason":null}]}\n\ndata: [DONE]\n\n',
    }

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = parts[self.path].encode()
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


CHAT, MESSAGE = "/v1/chat/completions", "/v1/messages"
ODD: dict[str, Any] = {
    "no usage": {"usage": None},
    "half a usage": {"usage": {"prompt_tokens": 3, "input_tokens": 3}},
    "a usage of texts": {"usage": dict.fromkeys(("prompt_tokens", "completion_tokens", "input_tokens"), "many")},
    "a usage of another type": {"usage": [1]},
    "no answer": {"choices": None, "content": None},
    "an answer that is no text": {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": {"a": 1}}}],
        "content": [{"type": "text", "text": {"a": 1}}],
    },
    "a list": [],
    "a reason that is none": {
        "choices": [{"index": 0, "finish_reason": ["stop"], "message": {"content": "Fine."}}],
        "stop_reason": ["end_turn"],
    },
}


@contextmanager
def answering(say: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A provider that answers each request as `say` does."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            with suppress(OSError):
                say(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def send(
    to: BaseHTTPRequestHandler, body: bytes, kind: str = "application/json", status: int = 200, **more: str
) -> None:
    to.send_response(status)
    for name, value in {"content-type": kind, "content-length": str(len(body)), **more}.items():
        to.send_header(name.replace("_", "-"), value)
    to.end_headers()
    to.wfile.write(body)


def usual(path: str) -> dict[str, Any]:
    """An answer as it is published."""
    if path == CHAT:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Fine."}}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Fine."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def of(url: str, api: str, **service: Any) -> dict[str, Any]:
    config = settings(url, **{"timeouts": {"provider_seconds": 20, "attempts": 1}, **service})
    return anthropic(config) if api == "anthropic" else config


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_an_odd_answer_is_an_answer_with_an_estimate_or_the_provider_s_error(
    service_process: Service, api: str
) -> None:
    odd: Any = None

    def say(to: BaseHTTPRequestHandler) -> None:
        body = odd if isinstance(odd, list) else {**usual(to.path), **odd}
        send(to, json.dumps(body).encode())

    found = {}
    with answering(say) as url:
        service_process.adopt(of(url, api))
        for name, odd in ODD.items():  # noqa: B007 `say` reads it
            answer = service_process.post()
            body = answer.json()
            found[name] = body["error"]["code"] if "error" in body else type(body["tokens_used"]["output"])
    estimated = ("no usage", "half a usage", "a usage of texts", "a usage of another type")
    assert found == {name: int if name in estimated else "PROVIDER_ERROR" for name in ODD}


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_an_odd_piece_of_a_stream_ends_it_with_an_error(service_process: Service, api: str) -> None:
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    pieces: list[Any] = ["Half ", {"a": 1}]
    parts = {
        CHAT: [
            {**chunk, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces
        ],
        MESSAGE: [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ],
    }

    def say(to: BaseHTTPRequestHandler) -> None:
        events = [f"event: {part.get('type', 'x')}\ndata: {json.dumps(part)}\n\n" for part in parts[to.path]]
        if to.path == CHAT:
            events = [event.partition("\n")[2] for event in events]
        send(to, "".join(events).encode(), "text/event-stream")

    with answering(say) as url:
        service_process.adopt(of(url, api))
        _, events = streamed(service_process)
    assert [name for name, _ in events] == ["delta", "error"]
    assert events[1][1]["error"]["code"] == "PROVIDER_ERROR"


@pytest.mark.parametrize("wait", ["\u00b2", "9" * 5000, "-1", "soon", "nan", "Mon, 99 Foo 9999 99:99:99 GMT"])
def test_an_odd_retry_after_is_not_the_caller_s_trouble(service_process: Service, wait: str) -> None:
    with answering(lambda to: send(to, b"{}", status=429, retry_after=wait)) as url:
        service_process.adopt(of(url, "openai"))
        answer = service_process.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_ERROR")
    assert answer.headers["retry-after"] == "5"


def test_a_stream_of_comments_alone_ends_when_the_time_for_a_piece_is_over(service_process: Service) -> None:
    def say(to: BaseHTTPRequestHandler) -> None:
        part = {"index": 0, "delta": {"content": "Half "}, "finish_reason": None}
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [part]}
        to.send_response(200)
        to.send_header("content-type", "text/event-stream")
        to.end_headers()
        to.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        for _ in range(300):
            to.wfile.write(b": still here\n\n")
            time.sleep(0.2)

    with answering(say) as url:
        service_process.adopt(of(url, "openai", timeouts={"provider_seconds": 3, "attempts": 1}))
        started = time.monotonic()
        _, events = streamed(service_process)
        assert time.monotonic() - started < 30
    assert [name for name, _ in events] == ["delta", "error"]
    assert events[1][1]["error"]["code"] == "PROVIDER_TIMEOUT"


@pytest.mark.parametrize("status", [200, 500])
def test_a_body_without_end_is_not_read_to_its_end(service_process: Service, status: int) -> None:
    sent = 0

    def say(to: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        to.send_response(status)
        to.send_header("content-type", "application/json")
        to.end_headers()
        for _ in range(60):
            to.wfile.write(b" " * 1024 * 1024)
            sent += 1

    with answering(say) as url:
        service_process.adopt(of(url, "openai", timeouts={"provider_seconds": 15, "attempts": 1}))
        answer = service_process.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "PROVIDER_ERROR")
    assert sent < 40


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_sent_to_a_provider_that_is_too_slow_is_booked(
    service_process: Service, provider: StandIn, stream: bool
) -> None:
    provider.tell(delay_seconds=30)
    service_process.adopt(settings(provider.url, timeouts={"provider_seconds": 2, "attempts": 1}))
    answer = service_process.post({"task_description": "x" * 4000, "stream": stream})
    assert answer.status_code == 504
    assert service_process.metric("agent_tokens_used_total", direction="input") >= 1000


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_a_stream_that_ends_before_the_answer_does_is_not_taken_for_whole(service_process: Service, api: str) -> None:
    with ending_early() as url:
        config = settings(url)
        service_process.adopt(anthropic(config) if api == "anthropic" else config)
        _, events = streamed(service_process)
    assert [name for name, _ in events] == ["delta", "error"]
    assert events[1][1]["error"]["code"] == "PROVIDER_ERROR"
