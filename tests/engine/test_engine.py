"""What only state can show: nothing to do, one agent's change, removal, broken definitions, kills."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from engine import IDLE, SHARD, Project

LIVE_SECONDS = 120


def test_after_an_up_there_is_nothing_to_do(applied: Project) -> None:
    for stack in ("dev.platform", "dev.business", SHARD):
        assert applied.steps(stack) == {}
        applied.pulumi("up", "--stack", stack, "--yes", "--skip-preview", "--expect-no-changes")


def test_what_is_in_the_cluster_says_all_that_is_rendered(applied: Project) -> None:
    rendered = applied.manifests(SHARD)
    assert {(one["kind"], one["metadata"]["name"]) for one in rendered} >= {("Deployment", "one"), ("ConfigMap", "two")}
    for manifest in rendered:
        live = applied.objects(manifest["kind"])[manifest["metadata"]["name"]]
        assert _left_out(manifest, live) == [], manifest["kind"]


def test_a_changed_prompt_updates_its_own_agent_and_replaces_nothing(applied: Project) -> None:
    before = applied.objects("deployment")
    applied.write("one", IDLE.replace("You answer questions.", "You answer questions in verse."))
    assert applied.steps(SHARD) == {
        "kubernetes:core/v1:ConfigMap::one/configmap": "update",
        "kubernetes:apps/v1:Deployment::one/deployment": "update",
    }
    applied.up(SHARD)
    assert "in verse" in str(applied.objects("configmap")["one"]["data"])
    after = applied.objects("deployment")
    assert after["one"]["metadata"]["uid"] == before["one"]["metadata"]["uid"]
    assert after["one"]["metadata"]["generation"] == before["one"]["metadata"]["generation"] + 1
    assert after["two"]["metadata"]["resourceVersion"] == before["two"]["metadata"]["resourceVersion"]


def test_a_removed_agent_goes_and_its_neighbour_stays(applied: Project) -> None:
    applied.drop("two")
    steps = applied.steps(SHARD)
    assert set(steps.values()) == {"delete"}
    assert all(name.endswith("::two") or "::two/" in name for name in steps)
    applied.up(SHARD)
    for kind in ("deployment", "service", "configmap", "serviceaccount", "networkpolicy", "externalsecret"):
        live = applied.objects(kind)
        assert "one" in live
        assert "two" not in live


def test_a_broken_definition_changes_nothing_and_forgets_nothing(applied: Project) -> None:
    before = applied.objects("deployment")
    outputs = applied.outputs(SHARD)
    applied.write("one", IDLE + "scalling: {min: 1}\n")
    applied.drop("two")
    done = applied.pulumi("up", "--stack", SHARD, "--yes", "--skip-preview", check=False)
    assert done.returncode != 0
    assert "agents/business/one.yaml:8:1" in done.stdout + done.stderr
    assert "Did you mean 'scaling'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    after = applied.objects("deployment")
    assert {name: one["metadata"]["resourceVersion"] for name, one in after.items()} == {
        name: one["metadata"]["resourceVersion"] for name, one in before.items()
    }
    assert applied.outputs(SHARD) == outputs
    applied.write("one", IDLE)
    applied.write("two", IDLE)
    assert applied.steps(SHARD) == {}


def test_a_killed_run_is_caught_up_by_the_next(applied: Project) -> None:
    new = [f"new-{number}" for number in range(8)]
    for agent in new:
        applied.write(agent, IDLE)
    command = applied.command("up", "--stack", SHARD, "--yes", "--skip-preview")
    with subprocess.Popen(command, **applied.where()) as run:
        deadline = time.monotonic() + LIVE_SECONDS
        while not set(new) & applied.objects("deployment").keys():
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for pid in (run.pid, *_descendants(run.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    applied.pulumi("cancel", "--stack", SHARD, "--yes")
    applied.up(SHARD)
    assert applied.objects("deployment").keys() == {"one", "two", *new}
    assert applied.steps(SHARD) == {}


def _descendants(pid: int) -> list[int]:
    """A process's children and theirs: language host, program and provider, which would live on after Pulumi."""
    said = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [one for child in map(int, said.split()) for one in (child, *_descendants(child))]


def _left_out(wanted: object, live: object, path: str = "") -> list[str]:
    """Paths of the manifest that the live object does not have, or has otherwise."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return [one for key, value in wanted.items() for one in _left_out(value, live.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return [
            one for at, pair in enumerate(zip(wanted, live, strict=True)) for one in _left_out(*pair, f"{path}[{at}]")
        ]
    # The API server leaves empty values out.
    return [] if wanted == live or (not wanted and live is None) else [f"{path}: {wanted!r}, live {live!r}"]
