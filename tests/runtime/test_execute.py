"""POST /api/v1/execute as a caller sees it: answers, bad input, what reaches the model, what is logged and counted."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import Any

import httpx
import pytest
from agent_service import CALLER_KEY, PROVIDER_KEY, Service, anthropic, settings, wait_until
from stand_in_process import StandIn


@pytest.fixture(scope="module")
def service(service_process: Service, provider_process: StandIn) -> Service:
    """No narrow limits; the provider has 20 s."""
    config = settings(
        provider_process.url,
        limits={"idle_seconds": 1},
        timeouts={"provider_seconds": 20, "attempts": 2},
        safety={"pii": "off", "injection": "off"},
    )
    config["knowledge"] = ["knowledge/house-rules.md"]
    files = {"knowledge/house-rules.md": "Never promise a date."}
    service_process.adopt(anthropic(config), files=files)
    return service_process


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error of an answer, in the one form that all errors have."""
    assert list(answer.json()) == ["error"]
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "details"}
    return error


def test_a_task_is_answered_with_what_it_used(service: Service, provider: StandIn) -> None:
    provider.tell(answer="A short brief.")
    answer = service.post("Write a brief.")
    assert answer.status_code == 200
    body = answer.json()
    assert body["result"] == "A short brief."
    assert body["agent_id"] == service.settings["agent"]
    assert body["model"] == "claude-sonnet-4-5"
    assert body["stop_reason"] == "end"
    assert body["tokens_used"]["input"] > 0
    assert body["tokens_used"]["output"] > 0
    assert 0 < body["processing_seconds"] < 5
    assert body["request_id"] == answer.headers["x-request-id"]


def test_the_model_gets_prompt_knowledge_task_and_context(service: Service, provider: StandIn) -> None:
    service.post({"task_description": "Compare.", "context": {"market": "Köln", "year": 2026}})
    asked = provider.seen()["last"][-1]["body"]
    assert asked["system"] == ("You help with Example Desk. {unfilled}\n\n## house-rules.md\n\nNever promise a date.")
    assert asked["messages"] == [{"role": "user", "content": 'Compare.\n\nContext:\n{"market":"Köln","year":2026}'}]
    assert asked["model"] == "claude-sonnet-4-5"
    assert asked["max_tokens"] == 4096


BAD_BODIES = {
    "no JSON": (b"{x", 400, "INVALID_REQUEST", {"issue": "not_json"}),
    "empty": (b"", 400, "INVALID_REQUEST", {"issue": "not_json"}),
    "not UTF-8": (b'{"task_description": "\xff"}', 400, "INVALID_REQUEST", {"issue": "not_json"}),
    "a list": (b"[]", 422, "INVALID_REQUEST", {"field": ""}),
    "no task": (b"{}", 422, "INVALID_REQUEST", {"field": "task_description", "issue": "missing_required_field"}),
    "a number": (b'{"task_description": 7}', 422, "INVALID_REQUEST", {"field": "task_description"}),
    "blank": (b'{"task_description": "  "}', 422, "INVALID_REQUEST", {"field": "task_description", "issue": "empty"}),
    "unknown key": (b'{"task_description": "x", "strem": true}', 422, "INVALID_REQUEST", {"field": "strem"}),
    "context no object": (b'{"task_description": "x", "context": "y"}', 422, "INVALID_REQUEST", {"field": "context"}),
    "deeply nested": (
        b'{"task_description": "x", "context": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        400,
        "INVALID_REQUEST",
        {},
    ),
    "6,000 characters": (
        json.dumps({"task_description": "x" * 6000}).encode(),
        413,
        "TASK_TOO_LONG",
        {"length": 6000, "max": 5000},
    ),
    "too many bytes": (
        json.dumps({"task_description": "x", "context": {"y": "z" * 300_000}}).encode(),
        413,
        "BODY_TOO_LARGE",
        {"max": 262_144},
    ),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_bad_input_is_refused_with_what_is_wrong(service: Service, provider: StandIn, case: str) -> None:
    body, status, code, details = BAD_BODIES[case]
    headers = {"authorization": f"Bearer {CALLER_KEY}", "content-type": "application/json"}
    answer = httpx.post(f"{service.url}/api/v1/execute", content=body, headers=headers, timeout=20)
    error = error_of(answer)
    assert (answer.status_code, error["code"]) == (status, code)
    assert details.items() <= error["details"].items()
    assert answer.headers["x-ratelimit-limit"]
    assert provider.seen()["requests"] == 0


def test_an_endless_body_is_refused_before_it_ends(service: Service) -> None:
    head = (
        f"POST /api/v1/execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CALLER_KEY}\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(head.encode())
        while not select.select([connection], [], [], 0.01)[0] and sent < 20_000_000:
            connection.sendall(chunk)
            sent += len(chunk)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 10_000_000


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "NOT_FOUND"),
        ("GET", "/api/v1/execute/", {}, 404, "NOT_FOUND"),
        ("GET", "/api/v1/execute", {}, 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/health", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/v1/execute", {"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/api/v1/execute", {}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_the_framework_s_own_errors_have_the_same_form(
    service: Service, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    headers = {"authorization": f"Bearer {CALLER_KEY}", **headers}
    answer = httpx.request(method, service.url + path, headers=headers, timeout=20)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(("given", "taken"), [("caller-7.a:b", True), ("two words", False), ("x" * 200, False)])
def test_a_request_id_is_taken_over_when_it_is_one(service: Service, given: str, taken: bool) -> None:
    answer = httpx.get(f"{service.url}/health", headers={"x-request-id": given}, timeout=20)
    assert (answer.headers["x-request-id"] == given) is taken
    assert answer.headers["x-request-id"]


def test_liveness_readiness_and_the_api_s_description(service: Service) -> None:
    assert httpx.get(f"{service.url}/health", timeout=20).json() == {
        "status": "healthy",
        "agent_id": service.settings["agent"],
    }
    assert service.ready().json() == {"status": "ready", "agent_id": service.settings["agent"], "reasons": []}
    document = httpx.get(f"{service.url}/openapi.json", timeout=20).json()
    body = document["paths"]["/api/v1/execute"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["task_description"]
    assert {"/health", "/health/ready", "/metrics"} <= set(document["paths"])


def test_the_log_line_of_a_request_says_what_it_took_and_nothing_of_what_was_asked(
    service: Service, provider: StandIn
) -> None:
    provider.tell(answer="An answer with the word Quittengelee.")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = service.post("A task with the word Zwetschge.", headers={"traceparent": trace})
    service.post({"task_description": "Mirabelle", "context": "wrong"})
    service.post("Renekloden", key="sk-unknown-Stachelbeere")
    wait_until(lambda: any(line.get("code") == "UNAUTHORIZED" for line in service.logged()), "the third was logged")
    line = next(line for line in service.logged() if line.get("request_id") == answer.json()["request_id"])
    assert line["level"] == "INFO"
    assert line["agent_id"] == service.settings["agent"]
    assert line["message"] == "Request completed"
    assert line["timestamp"].endswith("Z")
    assert line["duration_ms"] > 0
    assert line["tokens_used"] == sum(answer.json()["tokens_used"].values())
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    everything = "\n".join(service.lines)
    for word in ("Zwetschge", "Quittengelee", "Mirabelle", "Renekloden", "Stachelbeere", CALLER_KEY, PROVIDER_KEY):
        assert word not in everything


def test_requests_errors_seconds_tokens_and_cost_are_counted(service: Service, provider: StandIn) -> None:
    names = [
        ("agent_requests_total", {"status": "200"}),
        ("agent_errors_total", {"code": "TASK_TOO_LONG"}),
        ("agent_processing_seconds_count", {}),
        ("agent_tokens_used_total", {"direction": "input"}),
        ("agent_tokens_used_total", {"direction": "output"}),
        ("agent_cost_total", {}),
    ]
    before = [service.metric(name, **labels) for name, labels in names]
    used = service.post().json()["tokens_used"]
    service.post("x" * 6000)
    after = [service.metric(name, **labels) for name, labels in names]
    cost = (used["input"] * 3.0 + used["output"] * 15.0) / 1_000_000
    grown = [round(now - then, 9) for now, then in zip(after, before, strict=True)]
    assert grown == [1, 1, 1, used["input"], used["output"], round(cost, 9)]


def test_probes_and_scrapes_are_not_counted_as_requests(service: Service) -> None:
    service.post()
    before = service.metric("agent_requests_total", status="200")
    service.ready()
    assert service.metric("agent_requests_total", status="200") == before


def test_a_caller_that_goes_away_stops_the_call_to_the_provider(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=60)
    before = service.metric("agent_requests_total", status="499")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{service.url}/api/v1/execute",
            json={"task_description": "x"},
            headers={"authorization": f"Bearer {CALLER_KEY}"},
            timeout=0.3,
        )
    started = time.monotonic()
    wait_until(lambda: service.metric("agent_requests_total", status="499") > before, "the departure was counted")
    # The provider has twenty seconds; the call ended before that.
    assert time.monotonic() - started < 15
    assert service.metric("agent_in_flight") == 0
