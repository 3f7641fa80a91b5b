"""Holding with a real engine: what is held stays as it was last applied, and is let go by a change of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from engine import IDLE, SHARD, Project

VERSE = IDLE.replace("You answer questions.", "You answer questions in verse.")
PROSE = IDLE.replace("You answer questions.", "You answer questions in prose.")


def _instruct(project: Project, **content: Any) -> None:
    path = project.top / "run.json"
    path.write_text(json.dumps(content), "utf-8")
    project.environment["ROSTER_RUN"] = str(path)


@pytest.fixture(autouse=True)
def _uninstructed(project: Project) -> Any:
    yield
    project.environment.pop("ROSTER_RUN", None)


@contextmanager
def _deployments_refused(project: Project) -> Iterator[None]:
    """The API server takes no change of a Deployment in the pool's namespace."""
    rules = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    name = {"name": f"refuse-{project.namespace}"}
    policy = {"kind": "ValidatingAdmissionPolicy", "metadata": name}
    policy["spec"] = {
        "matchConstraints": {"resourceRules": [rules]},
        "validations": [{"expression": f"request.namespace != '{project.namespace}'", "message": "not today"}],
    }
    binding = {"kind": "ValidatingAdmissionPolicyBinding", "metadata": name}
    binding["spec"] = {"policyName": name["name"], "validationActions": ["Deny"]}
    both = [{"apiVersion": "admissionregistration.k8s.io/v1", **one} for one in (policy, binding)]
    project.kubectl("apply", "--filename", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": both}))
    try:
        # The API server takes a moment to know its own policies.
        probe = ("annotate", "deployment", "two", "a=b", "--overwrite", "--dry-run=server")
        for _ in range(100):
            if project.kubectl(*probe, check=False).returncode:
                break
            time.sleep(0.1)
        yield
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            project.kubectl("delete", kind, name["name"])


def _prompt(project: Project, agent: str) -> str:
    return str(project.objects("configmap")[agent]["data"])


def test_who_waits_for_its_wave_keeps_its_objects_and_goes_with_the_next_run(applied: Project) -> None:
    applied.write("one", VERSE)
    applied.write("two", VERSE)
    applied.write("three", VERSE)
    _instruct(applied, apply=["one"])
    applied.up(SHARD)
    assert "in verse" in _prompt(applied, "one")
    assert "in verse" not in _prompt(applied, "two")
    assert "three" not in applied.objects("deployment")
    assert applied.outputs(SHARD)["agents"].keys() == {"one", "two"}
    del applied.environment["ROSTER_RUN"]
    applied.up(SHARD)
    assert "in verse" in _prompt(applied, "two")
    assert "three" in applied.objects("deployment")


def test_who_is_returned_stays_held_through_plain_runs_until_its_objects_change(applied: Project) -> None:
    before = applied.outputs(SHARD)["agents"]
    applied.write("one", VERSE)
    applied.up(SHARD)
    bad = applied.outputs(SHARD)["agents"]["one"]["digest"]
    hold = {"digest": bad, "commit": "c0ffee0", "why": "failed", "reason": "its pods crash"}
    # As after a failed gate: the objects before the bad ones are not what was applied last any more.
    applied.write("one", IDLE)
    applied.up(SHARD)
    applied.write("one", VERSE)
    _instruct(applied, hold={"one": hold})
    applied.up(SHARD)
    assert "in verse" not in _prompt(applied, "one")
    del applied.environment["ROSTER_RUN"]
    applied.write("two", PROSE)
    applied.up(SHARD)
    assert "in prose" in _prompt(applied, "two")
    assert "in verse" not in _prompt(applied, "one")
    outputs = applied.outputs(SHARD)
    assert outputs["agents"]["one"]["digest"] == before["one"]["digest"]
    assert outputs["held"] == {"one": hold}
    applied.write("one", PROSE)
    applied.up(SHARD)
    assert "in prose" in _prompt(applied, "one")
    assert "held" not in applied.outputs(SHARD)


def test_a_failed_update_is_returned_from_the_engines_memory(applied: Project) -> None:
    """The record of what was applied last outlives a run that failed half-way."""
    known = applied.outputs(SHARD)["agents"]
    applied.write("one", VERSE)
    with _deployments_refused(applied):
        failed = applied.pulumi("up", "--stack", SHARD, "--yes", "--skip-preview", check=False)
    assert failed.returncode != 0, failed.stdout
    assert "not today" in failed.stdout + failed.stderr
    assert "in verse" in _prompt(applied, "one")
    _instruct(applied, hold={"one": {"digest": "", "commit": "", "why": "failed", "reason": "its pods do not start"}})
    applied.up(SHARD)
    assert "in verse" not in _prompt(applied, "one")
    assert applied.outputs(SHARD)["agents"] == known


def test_a_new_agent_that_failed_leaves_nothing_but_its_hold(applied: Project) -> None:
    applied.write("new", IDLE)
    hold = {"digest": "sha256:" + "0" * 64, "commit": "", "why": "failed", "reason": "its pods crash"}
    _instruct(applied, hold={"new": hold})
    applied.up(SHARD)
    assert "new" not in applied.objects("deployment")
    assert applied.outputs(SHARD)["held"] == {"new": hold}
    del applied.environment["ROSTER_RUN"]
    applied.up(SHARD)
    assert "new" in applied.objects("deployment")


def test_a_removed_agent_waits_for_its_turn_as_well(applied: Project) -> None:
    applied.drop("two")
    _instruct(applied, apply=[])
    applied.up(SHARD)
    assert "two" in applied.objects("deployment")
    del applied.environment["ROSTER_RUN"]
    applied.up(SHARD)
    assert "two" not in applied.objects("deployment")
