"""The collector's configuration, run by Alloy's own code: labels, levels, metadata, masks, cuts and limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from log_lines import ELIZA_JSON, ELIZA_PLAIN, STARTER, fastapi_line, pod
from log_programs import asked

from components.definition.logs import FIXED_LABELS, LogSettings
from components.specs.monitoring.alloy_config import LEVELS, MASK, alloy_config

READ = "2026-11-21T20:42:00Z"
LABELS = {
    "agent_id": "lead-scorer",
    "cluster": "prod-eu",
    "environment": "prod",
    "namespace": "business",
    "owner": "growth",
    "pool": "business",
}


def collected(
    folder: Path, lines: Sequence[str], pods: Sequence[dict[str, str]] = (pod("lead-scorer"),), **settings: Any
) -> dict[str, Any]:
    """What Alloy makes of the lines, which the pods say in turn."""
    file = folder / "agents.alloy"
    given = LogSettings.model_validate({"loki": "http://loki.example.com", **settings})
    file.write_text(alloy_config("prod", ["business"], given), "utf-8")
    said = [{"target": number % len(pods), "line": line, "time": READ} for number, line in enumerate(lines)]
    found: dict[str, Any] = asked(
        "alloy", {"targets": list(pods), "lines": said}, str(file), environ={"CLUSTER": "prod-eu"}
    )
    return found


def entries(folder: Path, *lines: str, **settings: Any) -> list[dict[str, Any]]:
    """The same, of one pod: what would go to Loki."""
    found: list[dict[str, Any]] = collected(folder, lines, **settings)["entries"]
    assert len(found) == len(lines), "a line was lost"
    return found


def test_a_request_is_found_by_its_id_without_a_stream_of_its_own(tmp_path: Path) -> None:
    fields = {"request_id": "r-1", "trace_id": "ab" * 16, "status": 200, "duration_ms": 12.5, "tokens_used": 40}
    (one,) = entries(tmp_path, fastapi_line(**fields))
    assert one["labels"] == {**LABELS, "level": "info"}
    said = {name: str(value) for name, value in fields.items()}
    assert one["metadata"] == {**said, "pod": "lead-scorer-7d9c-1"}
    assert one["time"] == "2026-11-21T20:41:16.201Z"
    assert json.loads(one["line"])["message"] == "Request"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (fastapi_line("DEBUG"), "debug"),
        (fastapi_line("WARNING"), "warning"),
        (fastapi_line("CRITICAL"), "critical"),
        (STARTER, "error"),
        (ELIZA_JSON, "warning"),
        *(
            (json.dumps({"levelName": said, "level": 1, "msg": "m"}), meant)
            for said, meant in (("alert", "critical"), ("fail", "error"), ("success", "info"), ("verbose", "debug"))
        ),
        (fastapi_line("a" * 4000), "unknown"),
        (fastapi_line({"nested": True}), "unknown"),  # type: ignore[arg-type]
        ("{broken", "unknown"),
        ("[1, 2]", "unknown"),
        ("Traceback (most recent call last):", "unknown"),
    ],
)
def test_both_runtimes_words_are_six_levels(tmp_path: Path, line: str, level: str) -> None:
    (one,) = entries(tmp_path, line)
    assert one["labels"]["level"] == level
    assert level in LEVELS


def test_what_elizaos_writes_besides_json_is_kept_with_the_time_it_was_read(tmp_path: Path) -> None:
    found = entries(tmp_path, *ELIZA_PLAIN)
    # Without colours; nothing else is lost.
    assert [one["line"] for one in found] == [
        "Invalid Sentry Dsn: off",
        "Startup successful!",
        "  http://localhost:53187/api/server/ping",
    ]
    assert {one["time"] for one in found} == {READ}
    assert {one["labels"]["level"] for one in found} == {"unknown"}


def test_a_line_cannot_pass_itself_off_as_another_agents_or_begin_a_stream(tmp_path: Path) -> None:
    forged = {"agent_id": "other", "namespace": "kube-system", "pool": "x", "owner": "x", "masked": "x", "pod": "x"}
    (one,) = entries(tmp_path, json.dumps({"level": "INFO", **forged, "request_id": "r" * 100_000}))
    assert one["labels"] == {**LABELS, "level": "info"}
    assert one["metadata"] == {"pod": "lead-scorer-7d9c-1", "request_id": "r" * 128}


def test_an_agents_pods_share_their_streams_and_only_the_agents_container_is_read(tmp_path: Path) -> None:
    pods = [pod("lead-scorer", number=1), pod("lead-scorer", number=2), pod("lead-scorer", "istio-proxy")]
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "?")
    lines = [fastapi_line(levels[number % 6], request_id=str(number), status=number) for number in range(240)]
    shown = collected(tmp_path, [line for line in lines for _ in (1, 2)], pods[:2])
    streams = {json.dumps(one["labels"], sort_keys=True) for one in shown["entries"]}
    assert len(shown["entries"]) == 480
    assert len(streams) == len(LEVELS)
    assert all(set(one["labels"]) == {*FIXED_LABELS} for one in shown["entries"])
    assert len(collected(tmp_path, [], pods)["targets"]) == 2


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-" + "a1" * 20,
        "ghp_" + "a1" * 18,
        "123456789:AA" + "b" * 33,
        "postgres://app:hunter22@db",
        "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
    ],
)
def test_a_credential_does_not_reach_loki_and_is_counted(tmp_path: Path, secret: str) -> None:
    lines = [fastapi_line(message=f"key\n{secret} refused"), f"{secret}", f"a {secret} and {secret}"]
    found = collected(tmp_path, lines)
    # What follows an address's password is not part of it.
    kept = secret[:-1] if "://" in secret else secret
    assert not [one for one in found["entries"] if kept in one["line"]]
    assert all(MASK in one["line"] and one["metadata"]["masked"] == MASK for one in found["entries"])
    assert json.loads(found["entries"][0]["line"])["agent_id"] == "lead-scorer", "it is still JSON"
    counted = {name: value for name, value in found["metrics"].items() if name.startswith("roster_log_lines_masked")}
    assert sum(counted.values()) == 3
    assert all('agent_id="lead-scorer"' in name for name in counted)


@pytest.mark.parametrize(
    "text", ["task-runner-with-a-long-name-of-its-own", "desk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", MASK]
)
def test_what_is_no_credential_stays(tmp_path: Path, text: str) -> None:
    (one,) = entries(tmp_path, fastapi_line(message=text))
    assert text in one["line"]
    assert "masked" not in one["metadata"]


def test_a_line_of_megabytes_is_cut_marked_and_counted(tmp_path: Path) -> None:
    long = fastapi_line("ERROR", request_id="r-1", message="x" * 3_000_000)
    found = collected(tmp_path, [long, fastapi_line()], line_bytes=4096)
    cut, whole = found["entries"]
    assert (len(cut["line"]), cut["metadata"]["cut_from_bytes"]) == (4096, str(len(long)))
    # Its level and its request are known, for it is read before it is cut.
    assert (cut["labels"]["level"], cut["metadata"]["request_id"]) == ("error", "r-1")
    assert "cut_from_bytes" not in whole["metadata"]
    assert [value for name, value in found["metrics"].items() if "lines_cut_total" in name] == [1]


def test_an_agent_that_floods_loses_its_own_lines_only_and_the_loss_is_counted(tmp_path: Path) -> None:
    pods = [pod("noisy"), pod("quiet", number=2)]
    file = tmp_path / "agents.alloy"
    settings = LogSettings.model_validate({"loki": "http://l.example.com", "lines_per_second": 1, "burst_lines": 50})
    file.write_text(alloy_config("prod", ["business"], settings), "utf-8")
    lines = [{"target": int(number % 100 == 0), "line": f"line {number}", "time": READ} for number in range(2000)]
    found = asked("alloy", {"targets": pods, "lines": lines}, str(file))
    said = [one["labels"]["agent_id"] for one in found["entries"]]
    assert said.count("quiet") == 20
    assert 50 <= said.count("noisy") <= 60
    lost = found["metrics"]['loki_process_dropped_lines_by_label_total{label_name="agent_id",label_value="noisy"}']
    assert lost == 1980 - said.count("noisy")


def test_what_is_shipped_with_every_setting_is_taken_by_alloy(tmp_path: Path) -> None:
    credentials = {"file": "/etc/loki/password", "username": "agents"}
    found = collected(tmp_path, ["a"], tenant="agents", credentials=credentials, labels=["runtime"])
    assert found["entries"][0]["labels"]["runtime"] == "fastapi"
