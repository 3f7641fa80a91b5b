"""What the service logs, held against docs/log-line.schema.json: every line of it, at every level, faults included."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_service import CONTEXT, PROVIDER_KEY, Service, running, settings, wait_until
from jsonschema_rs import ValidationError, validator_for
from runtime_python import runtime_python
from stand_in_process import StandIn

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/log-line.schema.json").read_text("utf-8"))
LINE = validator_for({**SCHEMA, "$ref": "#/$defs/fastapi"})

NEVER = "a text that\\nnobody may log"
# Python runs this before the service: a fault in the service's code, and one in a library.
FAULT = f"""
import logging
from agent.execute import _Work

async def broken(self, task):
    logging.getLogger("agent").critical("About to fail")
    logging.getLogger("some.library").error("A library fails with %s", "{NEVER}")
    raise KeyError("{NEVER}")

_Work._checked = broken
"""


def checked(lines: list[str]) -> list[dict[str, Any]]:
    """All lines; each is one JSON object of the documented form."""
    found = [json.loads(line) for line in lines]
    for one in found:
        LINE.validate(one)
    return found


def environment(folder: Path, level: str, fault: str = "") -> dict[str, str]:
    """Variables of a pod; with a fault planted in the code."""
    planted = folder / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(fault, "utf-8")
    return {"PYTHONPATH": f"{planted}:{CONTEXT}", "LOG_LEVEL": level, "AGENT_ID": "brief-writer"}


def ask(service: Service, provider: StandIn) -> None:
    """One request of each kind: done, refused, unknown, broken, failed."""
    assert service.post(headers={"x-request-id": "r-4711"}).status_code == 200
    assert service.post(headers={"x-request-id": "two lines"}).status_code == 200
    assert service.post(key="wrong").status_code == 401
    assert service.post({"task_description": "x" * 6000}).status_code == 413
    assert httpx.get(f"{service.url}/nowhere%0A%7B").status_code == 404
    provider.tell(fail=[400] * 4)
    assert service.post().status_code == 502


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_every_line_is_json_of_the_documented_form_and_a_request_says_what_it_took(
    provider: StandIn, tmp_path: Path, level: str
) -> None:
    with running(tmp_path, settings(provider.url), env=environment(tmp_path, level)) as service:
        ask(service, provider)
        service.configure("{broken")
        wait_until(lambda: any("cannot be used" in line for line in service.lines), "the broken config was told")
        service.stop()
        wait_until(lambda: any("Ended" in line for line in service.lines), "its end was told")
        found = checked(service.lines)
    done = next(one for one in found if one.get("request_id") == "r-4711")
    assert {"timestamp", "level", "agent_id", "status", "duration_ms", "tokens_used"} <= done.keys()
    assert done["tokens_used"] > 0
    codes = [one.get("code") for one in found if one["message"] == "Request failed"]
    assert codes == ["UNAUTHORIZED", "TASK_TOO_LONG", "NOT_FOUND", "PROVIDER_ERROR"]
    assert {one["level"] for one in found} == {"INFO", "WARNING", "ERROR"}
    assert PROVIDER_KEY not in "".join(service.lines)


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_a_service_that_is_told_to_be_quiet_says_nothing_below_its_level(tmp_path: Path, level: str) -> None:
    (tmp_path / "config").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        # The port is taken: it cannot start, which is an error.
        done = _ended(tmp_path, environment(tmp_path, level) | {"HOST": "127.0.0.1", "PORT": str(port)})
    found = checked(done.stdout.splitlines())
    assert [one["level"] for one in found] == ([] if level == "CRITICAL" else ["ERROR"])
    assert (done.returncode, done.stderr) == (2, "")


def test_a_fault_is_one_line_with_type_and_place_and_not_with_what_it_says(provider: StandIn, tmp_path: Path) -> None:
    with running(tmp_path, settings(provider.url), env=environment(tmp_path, "INFO", FAULT)) as service:
        answer = service.post(headers={"x-request-id": "r-1"})
        assert answer.status_code == 500
        wait_until(lambda: any("Request failed" in line for line in service.lines), "the request was told")
        found = checked(service.lines)
    (fault,) = [one for one in found if "exception" in one]
    assert (fault["level"], fault["request_id"]) == ("ERROR", "r-1")
    assert fault["exception"]["type"] == "KeyError"
    assert fault["exception"]["at"][-1].endswith("broken")
    assert "CRITICAL" in {one["level"] for one in found}
    # Of a library's line the arguments are left out, and whose it is is told.
    assert {"message": "A library fails with %s", "logger": "some.library"}.items() <= next(
        one for one in found if "logger" in one
    ).items()
    assert "nobody may log" not in "".join(service.lines)


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "warn"},
        {"timestamp": "2026-11-21 20:41:16"},
        {"duration_ms": 3.0},
        {"message": "Request failed", "status": 502, "request_id": "r", "duration_ms": 1},
        {"exception": "KeyError: a text"},
        {"agent_id": ""},
    ],
)
def test_a_line_of_another_form_is_refused(wrong: dict[str, Any]) -> None:
    right = {"timestamp": "2026-11-21T20:41:16.201Z", "level": "INFO", "agent_id": "a", "message": "m"}
    LINE.validate(right)
    with pytest.raises(ValidationError):
        LINE.validate(right | wrong)


def _ended(folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [runtime_python(), "-m", "agent"]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False)


def test_the_last_words_of_a_process_are_one_line_too(tmp_path: Path) -> None:
    program = "from agent.logs import set_up; set_up('INFO'); raise KeyError('nobody may log this')"
    done = subprocess.run(
        [runtime_python(), "-c", program],
        cwd=tmp_path,
        env={**os.environ, **environment(tmp_path, "INFO")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (last,) = checked(done.stdout.splitlines())
    assert (done.returncode, last["level"], last["exception"]["type"]) == (1, "CRITICAL", "KeyError")
    assert "nobody may log this" not in done.stdout + done.stderr
