"""Alerts on logs, evaluated by Loki's own engine over lines that went through the collector's own configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from log_lines import ELIZA_JSON, ELIZA_PLAIN, STARTER, fastapi_line
from log_programs import asked
from log_rendering import rules
from test_log_collector import collected

sys.path.append(str(Path(__file__).parents[1] / "runtime"))

from agent_service import running, settings

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
STREAM = {"environment": "prod", "namespace": "business", "pool": "business", "owner": "growth", "agent_id": "a"}
WHO = {name: STREAM[name] for name in ("namespace", "pool", "owner", "agent_id")}
Line = tuple[float, str]


def stream(lines: Iterable[Line], level: str = "error", metadata: dict[str, str] | None = None, **labels: str) -> Any:
    """A stream of lines, each so many minutes before now."""
    entries = [
        {"time": (NOW - timedelta(minutes=ago)).isoformat(), "line": line, "metadata": metadata or {}}
        for ago, line in sorted(lines, reverse=True)
    ]
    return {"labels": {**STREAM, "level": level, **labels}, "entries": entries}


def errors(count: int, since: float, until: float = 0, **labels: str) -> Any:
    """So many lines of errors between two moments, in minutes before now."""
    step = (since - until) / count
    return stream(((until + step * (number + 0.5), f"error {number}") for number in range(count)), **labels)


def alerting(alert: str, *streams: Any, at: datetime = NOW) -> list[dict[str, str]]:
    """Whom the alert's expression finds."""
    (expression,) = [rule["expr"] for rule in rules("prod") if rule["alert"] == alert]
    queries = [{"expression": expression, "at": at.isoformat()}]
    (found,) = asked("logql", {"streams": list(streams), "queries": queries})
    assert not found["error"], found["error"]
    return [sample["labels"] for sample in found["samples"]]


def test_loki_refuses_what_is_no_logql() -> None:
    wrong = ['sum by (a (count_over_time({a="b"}[5m]))', '{a="b"} | masked !! ""', "rate(agent_requests_total[5m])"]
    found = asked("logql", {"streams": [], "queries": [{"expression": one, "at": NOW.isoformat()} for one in wrong]})
    assert all("parse error" in one["error"] for one in found)


def test_a_burst_of_errors_is_told_of_the_agent_that_has_it() -> None:
    calm = errors(20, 5, agent_id="calm")
    assert alerting("LogErrorBurst", errors(51, 5), calm) == [WHO]
    assert alerting("LogErrorBurst", errors(50, 5), calm) == []


def test_an_agent_that_always_logs_so_many_errors_has_no_burst_but_three_times_as_many_are_one() -> None:
    # 60 in five minutes, for six hours.
    usual = errors(60 * 72, 365, 5)
    assert alerting("LogErrorBurst", usual, errors(170, 5)) == []
    assert alerting("LogErrorBurst", usual, errors(190, 5)) == [WHO]


def test_errors_of_another_environment_and_lines_that_are_no_errors_do_not_count() -> None:
    assert alerting("LogErrorBurst", errors(100, 5, environment="staging")) == []
    assert alerting("LogErrorBurst", errors(100, 5, namespace="not-a-pool")) == []
    assert alerting("LogErrorBurst", errors(100, 5, level="warning"), errors(100, 5, level="unknown")) == []
    assert alerting("LogErrorBurst", errors(26, 5), errors(26, 5, level="critical")) == [WHO], "both are counted"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (fastapi_line("ERROR", message="An unforeseen error", exception={"type": "KeyError", "at": []}), "error"),
        ("Traceback (most recent call last):", "unknown"),
        (STARTER, "error"),
        ("Uncaught TypeError: x is undefined", "unknown"),
        ("[UnhandledPromiseRejection: reason]", "unknown"),
    ],
)
def test_an_error_that_nothing_handled_is_told(line: str, level: str) -> None:
    assert alerting("LogUnhandledError", stream([(1, line)], level)) == [WHO]
    assert alerting("LogUnhandledError", stream([(11, line)], level)) == []


@pytest.mark.parametrize(
    "line",
    [
        fastapi_line("ERROR", message="The provider answered 500", code="PROVIDER_ERROR"),
        fastapi_line("ERROR", message='a text with "exception": {} in it'),
        *ELIZA_PLAIN,
        ELIZA_JSON,
    ],
)
def test_an_error_that_was_handled_and_a_start_are_not(line: str) -> None:
    assert alerting("LogUnhandledError", stream([(1, line)]), stream([(1, line)], "unknown")) == []


def test_a_masked_credential_is_told_and_words_that_look_like_the_mask_are_not(tmp_path: Path) -> None:
    for text, found in (("key sk-ant-" + "a1" * 20, [WHO]), ("key (masked)", [])):
        (entry,) = collected(tmp_path, [fastapi_line(message=text)])["entries"]
        at = datetime.fromisoformat(entry["time"])
        one = {"labels": {**entry["labels"], "agent_id": "a"}, "entries": [entry]}
        assert alerting("LogSecret", one, at=at) == found


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the FastAPI runtime itself logs when nobody answers at its provider's address."""
    with running(tmp_path_factory.mktemp("service"), settings("http://127.0.0.1:9")) as service:
        assert service.post().status_code == 502
        assert service.post(key="wrong").status_code == 401
        return list(service.lines)


def test_the_runtimes_own_failed_requests_become_a_burst_and_its_callers_faults_do_not(
    tmp_path: Path, said: list[str]
) -> None:
    for status, found in (("502", [WHO]), ("401", [])):
        (line,) = [line for line in said if f'"status":{status}' in line]
        (entry,) = collected(tmp_path, [line])["entries"]
        at = datetime.fromisoformat(entry["time"]) + timedelta(seconds=1)
        one = {"labels": {**entry["labels"], "agent_id": "a"}, "entries": [entry] * 51}
        assert alerting("LogErrorBurst", one, at=at) == found
        assert alerting("LogUnhandledError", one, at=at) == []


def searched(query: str, *streams: Any) -> Callable[[], int]:
    """The number of lines that a search finds."""
    return lambda: int(
        asked("logql", {"streams": list(streams), "queries": [{"expression": query, "at": NOW.isoformat()}]})[0][
            "lines"
        ]
    )


def test_a_request_is_found_by_its_id_in_loki() -> None:
    lines = stream([(1, "one"), (2, "two")], metadata={"request_id": "r-1"})
    other = stream([(1, "three")], metadata={"request_id": "r-2"})
    assert searched('{agent_id="a"} | request_id="r-1"', lines, other)() == 2
