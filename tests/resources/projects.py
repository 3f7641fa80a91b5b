"""Copies of the project with a fleet of their own, and runs of their whole Pulumi program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from small_fleet import CHARACTER, MINIMAL, TODAY, write

from bench.recorded_images import record_images
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import Stack, stacks_of_agent

REPOSITORY = Path(__file__).parent.parent.parent
RECORDER = Path(__file__).parent / "record.py"
SYSTEM = ("HOME", "PATH", "LANG")

POOLS = """\
business:
  description: A pool in both clusters of prod.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}
  shards: {prod: 2}
  clusters: {prod: [eu, us]}
"""
# Between them they have every kind of object.
AGENTS = {
    "business/plain.yaml": MINIMAL,
    "business/exposed.yaml": MINIMAL
    + "exposure: {host: plans.example.com}\nscaling: {min: 2, max: 8}\nalerts: {p95_seconds: 20}\n"
    + "secrets: {CRM_API_KEY: business/crm#api-key}\n",
    "business/keeper.yaml": MINIMAL + "storage: {volume: {size: 5Gi, path: /data}}\nscaling: {min: 1, max: 1}\n",
    "business/queued.yaml": MINIMAL
    + "scaling: {min: 0, max: 5, queue: {source: tasks, name: jobs, length: 10}}\nenvironments: [staging, prod]\n",
    "business/stopped.yaml": MINIMAL + "suspended: true\n",
    "community/herald.yaml": CHARACTER + "channels: {discord: {}}\nenvironments: [prod]\n",
}


@dataclass
class Run:
    """What the program asked of Pulumi for one stack. `finished` says whether it came to its end."""

    stack: str
    resources: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    finished: bool = False

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The resources that are objects of a cluster."""
        return [one for one in self.resources if one["type"].startswith("kubernetes:")]

    @property
    def provider(self) -> dict[str, Any]:
        """The only provider."""
        (found,) = [one for one in self.resources if one["type"] == "pulumi:providers:kubernetes"]
        return found

    @property
    def exports(self) -> dict[str, Any]:
        """The stack's own outputs."""
        found: dict[str, Any] = next(value for urn, value in self.outputs.items() if "pulumi:Stack::" in urn)
        return found

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The objects of a kind."""
        return [one for one in self.objects if one["object"]["kind"] == kind]


@dataclass
class Ran:
    """A fleet, and the program's runs for all of its stacks but those of pools without any definition."""

    top: Path
    fleet: Fleet
    stacks: list[Stack]
    runs: dict[str, Run]
    _rendered: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def rendered(self, environment: str) -> dict[str, list[dict[str, Any]]]:
        """What `roster render` writes for an environment, parsed: file below its folder → the file's documents."""
        if environment not in self._rendered:
            self._rendered[environment] = rendered(self.top, environment)
        return self._rendered[environment]

    def objects(self) -> Iterator[tuple[Stack, Run, dict[str, Any]]]:
        """Every registered object, with its stack and run."""
        for stack in self.stacks:
            for one in self.runs[stack.name].objects:
                yield stack, self.runs[stack.name], one


def copy_program(top: Path) -> Path:
    """The library and the program, without any fleet."""
    # With what Python has compiled: copied files keep their times, so each run need not do it again.
    skip = shutil.ignore_patterns("*.egg-info")
    for folder in ("components", "policies", "stacks"):
        shutil.copytree(REPOSITORY / folder, top / folder, ignore=skip)
    shutil.copy(REPOSITORY / "Pulumi.yaml", top)
    return top


def sample_project(top: Path) -> Path:
    """The repository's own fleet."""
    shutil.copytree(REPOSITORY / "agents", copy_program(top) / "agents")
    record_images(top)
    return top


def own_project(top: Path) -> Path:
    """A fleet that uses every kind of object, two clusters and several shards."""
    write(copy_program(top), AGENTS, {"pools.yaml": POOLS})
    record_images(top)
    return top


def run_program(
    top: Path, *stacks: str, options: tuple[str, ...] = (), **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Run]]:
    """Runs the program for each stack, one after the other; ends with the first that refuses."""
    output = top / "requests.jsonl"
    variables = {name: os.environ[name] for name in SYSTEM if name in os.environ} | environment
    command = [sys.executable, str(RECORDER), str(top), str(output), *options, *stacks]
    done = subprocess.run(command, cwd=top, env=variables, capture_output=True, text=True, timeout=300, check=False)
    runs = {stack: Run(stack) for stack in stacks}
    for line in output.read_text("utf-8").splitlines():
        record = json.loads(line)
        run = runs[record["stack"]]
        if "resource" in record:
            run.resources.append(record["resource"])
        elif "outputs" in record:
            run.outputs[record["urn"]] = record["outputs"]
        else:
            run.finished = True
    return done, runs


def rendered(top: Path, environment: str) -> dict[str, list[dict[str, Any]]]:
    """What `roster render` writes, parsed: file below the environment's folder → its documents."""
    folder = top / "out" / environment
    roster = [sys.executable, "-c", "from ci.cli import main; main()"]
    command = [*roster, "render", "--environment", environment, "--today", TODAY]
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=top, env=variables, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        str(path.relative_to(folder)): list(yaml.load_all(path.read_bytes(), yaml.CSafeLoader))
        for path in sorted(folder.rglob("*.yaml"))
    }


def shard_with(top: Path, agent: str) -> str:
    """The stack of the own fleet's business pool, in prod's cluster eu, that holds the agent."""
    catalog = Fleet.open(WorkTree(top)).catalog
    return next(one.name for one in stacks_of_agent(catalog, "prod", "business", agent) if one.cluster == "eu")
