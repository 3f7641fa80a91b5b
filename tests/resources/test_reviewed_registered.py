"""The record of a plan and the Pulumi program's own objects: one digest for one object, in every cluster."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from projects import REPOSITORY, Ran, run_program
from small_fleet import TODAY

from components.reviewed import Reviewed, object_digest, object_key, read_reviewed


def test_a_plan_of_a_new_fleet_records_just_the_objects_that_the_program_registers(ran: Ran, tmp_path: Path) -> None:
    registered = {
        object_key(stack.environment, stack.cluster, one["object"]): object_digest(_whole(one["object"]))
        for stack, _, one in ran.objects()
    }
    record = read_reviewed(_plan(ran, tmp_path) / "out/plan/reviewed.json")
    recorded = {key: digest for key, (digest,) in record.objects.items()}
    assert len(registered) > 50
    assert recorded == registered


def test_the_program_takes_what_a_plan_recorded_and_refuses_one_object_more(ran: Ran, tmp_path: Path) -> None:
    record = read_reviewed(_plan(ran, tmp_path) / "out/plan/reviewed.json")
    stack = next(one for one in ran.stacks if one.kind == "shard" and ran.runs[one.name].objects)
    file = tmp_path / "given.json"
    file.write_text(record.as_json(), "utf-8")
    done, runs = run_program(ran.top, stack.name, ROSTER_REVIEWED=str(file))
    assert done.returncode == 0, done.stderr
    assert len(runs[stack.name].objects) == len(ran.runs[stack.name].objects)

    gone = ran.runs[stack.name].of("Deployment")[0]["object"]
    missing = object_key(stack.environment, stack.cluster, gone)
    left = {key: one for key, one in record.objects.items() if key != missing}
    file.write_text(Reviewed(record.plans, left).as_json(), "utf-8")
    done, runs = run_program(ran.top, stack.name, ROSTER_REVIEWED=str(file))
    assert done.returncode != 0
    assert f"Deployment {gone['metadata']['namespace']}/{gone['metadata']['name']}" in done.stdout + done.stderr
    assert runs[stack.name].objects == []


def _whole(value: Any) -> Any:
    """As it was before Pulumi's wire format, which knows doubles only."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plan(ran: Ran, top: Path) -> Path:
    """The fleet in a repository of its own, planned against a commit without one."""
    for folder in ("agents", "components/images"):
        shutil.copytree(ran.top / folder, top / folder)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(top)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "empty"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "fleet"], check=True)
    roster = [sys.executable, "-c", "from ci.cli import main; main()", "plan", "--base", "HEAD~1", "--today", TODAY]
    done = subprocess.run(
        roster,
        cwd=top,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return top
