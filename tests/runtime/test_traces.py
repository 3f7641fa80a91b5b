"""Traces: sent by OTLP over HTTP where an endpoint is set, as part of the caller's trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agent_service import running, settings, wait_until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from stand_in_process import StandIn

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@contextmanager
def collecting() -> Iterator[tuple[str, list[Any]]]:
    """A collector: its address, and the spans that it got."""
    spans: list[Any] = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
            spans.extend(
                span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans
            )
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collect) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", spans
        finally:
            server.shutdown()
            thread.join()


def moment(line: dict[str, Any]) -> float:
    """When a line was logged, in seconds."""
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: item.value.string_value or item.value.int_value for item in span.attributes}


def test_a_request_s_spans_carry_on_the_caller_s_trace_and_no_content(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(answer="Quittengelee")
    with collecting() as (endpoint, spans):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with running(tmp_path / "a", settings(provider.url), env=env) as service:
            answer = service.post("Zwetschge", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
            assert answer.status_code == 200
            provider.tell(fail=[404])
            service.post({"task_description": "x", "stream": True})
            # What is not sent yet when the pod ends is sent then.
            assert service.stop() == 0
        lines = service.logged()
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    server, call = sorted(ours, key=lambda span: span.kind)
    assert server.name == "POST /api/v1/execute"
    assert server.parent_span_id.hex() == PARENT
    assert attributes(server)["http.response.status_code"] == 200
    assert call.name == "chat gpt-5"
    assert call.parent_span_id == server.span_id
    used = answer.json()["tokens_used"]
    assert attributes(call)["gen_ai.usage.output_tokens"] == used["output"]
    failed = next(span for span in spans if span.name.startswith("chat") and span.trace_id.hex() != TRACE)
    assert failed.status.code == 2
    assert "Quittengelee" not in str(spans)
    assert "Zwetschge" not in str(spans)
    assert [line["trace_id"] for line in lines if line["message"] == "Request completed"] == [TRACE]
    assert all(line["trace_id"] for line in lines if line["message"] == "Request failed")


def test_a_collector_that_is_not_there_holds_nobody_up(provider: StandIn, tmp_path: Path) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with running(tmp_path / "a", settings(provider.url), env=env) as service:
        assert service.post().status_code == 200
        wait_until(lambda: service.metric("agent_requests_total", status="200") >= 1, "it was counted")
        assert service.stop() == 0
        ended, told = service.logged()[-1], next(line for line in service.logged() if "Draining" in line["message"])
        assert moment(ended) - moment(told) < 15
