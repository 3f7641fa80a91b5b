"""What a failed agent wrote is shown without secrets, short, and free of control characters."""

from __future__ import annotations

import time

import pytest

from ci.cluster.evidence import LINES, event_lines, log_lines, shown

BODY = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC7VJTUt9Us8cKj"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("key sk-ant-api03-" + "x" * 30, "x" * 30),
        ("DB_PASSWORD=hunter2 and more", "hunter2"),
        ('{"api_key": "correct horse"}', "correct horse"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("sent Bearer abcdefgh12345678 to it", "abcdefgh12345678"),
        ("postgres://agent:swordfish@db/agents", "swordfish"),
        ("session aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3"),
    ],
)
def test_a_secret_in_a_line_is_masked(line: str, secret: str) -> None:
    assert secret not in shown(line)
    assert "…" in shown(line)


@pytest.mark.parametrize(
    "line",
    [
        "model claude-sonnet-4-5 is not known",
        "pulling registry.example.com/agent@sha256:" + "0123456789abcdef" * 4,
        "token limit of 4096 exceeded",
        "connect ECONNREFUSED 10.0.0.1:5432",
    ],
)
def test_what_is_no_secret_is_shown(line: str) -> None:
    assert shown(line) == line


def test_a_private_key_is_left_out_with_all_its_lines() -> None:
    text = f"loading\n-----BEGIN PRIVATE KEY-----\n{BODY}\n{BODY.lower()}\n-----END PRIVATE KEY-----\nfailed"
    assert log_lines(text) == ("loading", "…", "failed")


def test_only_the_last_lines_are_shown_none_of_them_long_and_no_blank_one() -> None:
    lines = log_lines("\n\n".join(f"line {number} {'very ' * 200}" for number in range(50)))
    assert len(lines) == LINES
    assert lines[-1].startswith("line 49 ")
    assert max(map(len, lines)) <= 400


def test_colours_and_tricks_with_the_direction_of_text_are_taken_out() -> None:
    assert log_lines("\x1b[31mERROR\x1b[0m at\u202e start\x07") == ("ERROR at start",)


def test_a_line_made_to_be_slow_is_not() -> None:
    start = time.process_time()
    for hard in ("a" * 60_000, "aA1" * 20_000, "token" * 12_000, "password " * 6_000, "a." * 30_000):
        shown(hard)
    assert time.process_time() - start < 1


def test_the_same_event_of_several_pods_is_told_once_with_its_count() -> None:
    def event(pod: str, at: str, text: str, count: int = 1) -> dict[str, object]:
        message = f'{text}pods "well-75b-{pod}" is forbidden: exceeded quota: full'
        return {"metadata": {}, "reason": "FailedCreate", "message": message, "lastTimestamp": at, "count": count}

    prefix = "(combined from similar events): "
    last = {"metadata": {}, "reason": "Unhealthy", "message": "Readiness probe failed", "lastTimestamp": "2026-01-03"}
    events = [last, event("t8dt6", "2026-01-01", ""), event("xtmfg", "2026-01-02", prefix, 4)]
    assert event_lines(events) == (
        'FailedCreate: pods "well-75b-…" is forbidden: exceeded quota: full (×5)',
        "Unhealthy: Readiness probe failed",
    )
