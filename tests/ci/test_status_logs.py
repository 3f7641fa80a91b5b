"""Log lines of the runtimes as `roster logs` shows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ci.live.log_lines import parsed

NOW = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
# As @elizaos/core 1.7.2 writes with LOG_JSON_FORMAT.
ELIZA = (
    '{"v":1,"level":1,"levelName":"error","name":"elizaos","hostname":"vm","msg":"with object",'
    '"args":[{"src":"agent","error":"boom"}],"pid":2,"time":"2026-11-21T20:31:35+00:00","meta":{"pid":7375}}'
)


def shown(raw: str, stamp: str = "") -> str:
    return parsed(raw, stamp).shown(NOW)


def test_a_request_is_told_by_its_id_status_code_and_duration_first() -> None:
    fields = {"trace_id": "t1", "duration_ms": 312.4, "code": "TIMEOUT", "status": 504, "request_id": "ab12"}
    line = {"timestamp": "2026-11-21T20:31:34.120Z", "level": "WARNING", "agent_id": "x", "message": "Request failed"}
    raw = json.dumps(line | fields)
    expected = "20:31:34.120 WARNING Request failed  request_id=ab12 status=504 code=TIMEOUT 312 ms trace_id=t1"
    assert shown(raw) == expected
    assert parsed(raw).bad


def test_a_line_of_elizaos_is_read_as_well() -> None:
    assert shown(ELIZA) == "20:31:35.000 ERROR   with object  src=agent error=boom"
    assert parsed(ELIZA).bad


@pytest.mark.parametrize("raw", ["plain words", "[1, 2]", "7", "{broken", "[" * 100_000])
def test_what_is_no_json_object_is_shown_as_it_is_at_the_time_of_its_node(raw: str) -> None:
    assert shown(raw, "2026-11-21T20:31:34.123456789Z").startswith(f"20:31:34.123 {' ' * 8}{raw[:100]}")


def test_nothing_in_a_line_can_steer_the_terminal_or_show_a_key() -> None:
    key = "sk-ant-" + "aB3dE6gH" * 4
    for raw in (
        f"\x1b[2J\x1b]0;title\x07 {key}",
        json.dumps({"level": "INFO", "message": f"\x1b[2J {key}", "x": "\r\n"}),
    ):
        text = shown(raw)
        assert "\x1b" not in text
        assert "\r" not in text
        assert "\n" not in text
        assert key not in text


@pytest.mark.parametrize(
    ("raw", "bad"),
    [
        ('{"level": "ERROR", "message": "x"}', True),
        ('{"level": "CRITICAL", "message": "x"}', True),
        ('{"level": "INFO", "message": "Request failed", "status": 429, "code": "RATE_LIMIT_EXCEEDED"}', False),
        ('{"level": "INFO", "message": "no error here"}', False),
        ("Traceback (most recent call last):", True),
        ("listening on 8080", False),
    ],
)
def test_errors_are_told_from_what_callers_did_wrong(raw: str, bad: bool) -> None:
    assert parsed(raw).bad is bad
