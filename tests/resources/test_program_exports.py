"""What the stacks say about what they applied: the same on any machine, and only what really was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from projects import Ran, run_program, shard_with

from components.applied import applied_from
from components.digest import canonical, objects_digest


def test_each_agent_exports_the_commit_and_the_digest_of_its_rendered_objects(ran: Ran, commit: str) -> None:
    files = {environment: ran.rendered(environment) for environment in ran.fleet.catalog.environments}
    exported = set()
    for stack in ran.stacks:
        exports = ran.runs[stack.name].exports
        assert exports["objects"] == len(ran.runs[stack.name].objects)
        for name, said in exports.get("agents", {}).items():
            documents = files[stack.environment][f"{stack.pool}/{name}.yaml"]
            assert said == {"commit": commit, "digest": objects_digest(documents)}
            assert exports["namespace"] == documents[0]["metadata"]["namespace"]
            exported.add((stack.environment, f"{stack.pool}/{name}.yaml"))
    written = {(environment, file) for environment in files for file in files[environment]}
    assert exported == {(environment, file) for environment, file in written if "/_" not in file and "/" in file}


def test_every_component_remembers_the_objects_that_it_registered(ran: Ran) -> None:
    for run in ran.runs.values():
        components = [one for one in run.resources if one["type"].startswith("roster:")]
        for one in components:
            outputs = run.outputs[one["urn"]]
            record = applied_from(outputs)
            assert record is not None
            own = [_plain(other["object"]) for other in run.objects if other["parent"] == one["urn"]]
            assert sorted(canonical(manifest) for manifest in record.manifests) == sorted(map(canonical, own))
            assert outputs["objects"] == len(own)


def test_two_machines_register_the_same_bytes(own: Path) -> None:
    seen = []
    for seed in ("1", "4242"):
        done, runs = run_program(own, "prod.eu.business", "prod.eu.business.0", PYTHONHASHSEED=seed, TZ=f"UTC{seed[0]}")
        assert done.returncode == 0, done.stderr
        requests = [json.dumps(one, sort_keys=True) for run in runs.values() for one in run.resources]
        seen.append([sorted(requests), [run.outputs for run in runs.values()]])
    assert seen[0] == seen[1]


def test_an_agents_digest_is_unknown_when_one_of_its_objects_failed(own: Path) -> None:
    stack = shard_with(own, "exposed")
    done, runs = run_program(own, stack, options=("--fail", "exposed/deployment"))
    assert done.returncode == 0, done.stderr
    agents = runs[stack].exports["agents"]
    known = {name for name, said in agents.items() if isinstance(said, dict) and str(said["digest"]).startswith("sha")}
    assert known == agents.keys() - {"exposed"}


def test_a_preview_asks_for_the_same_objects_and_knows_the_digests(own: Path) -> None:
    _, ups = run_program(own, "prod.us.business.1")
    done, previews = run_program(own, "prod.us.business.1", options=("--preview",))
    assert done.returncode == 0, done.stderr
    up, preview = ups["prod.us.business.1"], previews["prod.us.business.1"]
    assert sorted(one["urn"] for one in preview.objects) == sorted(one["urn"] for one in up.objects)
    assert preview.exports == up.exports


def _plain(value: Any) -> Any:
    """With the whole numbers that Pulumi's wire format made floats of."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
