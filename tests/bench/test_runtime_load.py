"""The load test's own parts: the generator counts what there was, and the table says what was missed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_python import runtime_python
from stand_in_process import StandIn, running

from bench.runtime_load import Figures, Round, as_markdown

TOP = Path(__file__).parents[2]
BODY = json.dumps({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
REQUEST = (
    "POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: sk-x\r\nanthropic-version: 2023-06-01\r\n"
    f"content-length: {len(BODY)}\r\n\r\n{BODY}"
)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running(runtime_python()) as started:
        yield started


def loaded(stand_in: StandIn, folder: Path, *options: str) -> dict[str, Any]:
    (folder / "request").write_text(REQUEST)
    command = [runtime_python(), str(TOP / "bench/load_client.py"), str(folder / "request"), stand_in.url.split(":")[2]]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_every_answer_is_counted_with_its_status(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.forget()
    stand_in.tell(fail=[500, 429])
    said = loaded(stand_in, tmp_path, "--connections", "4", "--seconds", "0.5")
    seen = stand_in.seen()
    assert said["statuses"] == seen["by_status"]
    assert said["requests"] == seen["requests"]
    assert said["statuses"]["500"] == said["statuses"]["429"] == 1
    assert seen["most_in_flight"] <= 4


def test_with_a_rate_a_request_that_had_to_wait_counts_from_when_it_was_due(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.forget()
    stand_in.tell(delay_seconds=0.1)
    # One connection answers ten a second; twenty are due.
    said = loaded(stand_in, tmp_path, "--connections", "1", "--seconds", "1", "--rate", "20")
    assert 19 <= said["requests"] <= 21
    assert said["p95"] > 0.5


def test_the_table_says_which_goal_is_missed() -> None:
    slow, quick = Round(70, 1, 9, 9, 1), Round(100, 1, 2, 2, 1)
    figures = Figures(
        {"bare": [quick], "service": [slow]}, {"bare": [quick], "service": [slow]}, 35, [(1, 100), (9, 120)]
    )
    lines = as_markdown(figures).splitlines()
    assert "| 70% | no |" in next(line for line in lines if "throughput" in line)
    assert "| 7.0 ms | no |" in next(line for line in lines if "P95 at half" in line)
    assert "| 100 → 120 MiB | no |" in next(line for line in lines if "memory" in line)
