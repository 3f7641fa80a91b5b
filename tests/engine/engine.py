"""A copy of the project with a fleet of its own, and the commands by which a user applies it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from small_fleet import MINIMAL, write

from bench.recorded_images import record_images
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import Manifest
from components.stacks import parse_stack
from stacks.contents import contents

KUBECONFIG = "ROSTER_ENGINE_KUBECONFIG"
REPOSITORY = Path(__file__).parents[2]
SHARD = "dev.business.0"
# Suspended agents have no pods, so the cluster needs no nodes.
IDLE = MINIMAL + "suspended: true\n"
POOLS = """\
business:
  description: The only pool.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}
"""


@dataclass(frozen=True)
class Project:
    """A work tree, a file backend and a kubeconfig below `top`; `namespace` is that of the pool in dev."""

    top: Path
    environment: dict[str, str]
    namespace: str

    def write(self, agent: str, definition: str) -> None:
        """Adds or changes a definition of the pool."""
        (self.top / f"agents/business/{agent}.yaml").write_text(definition, "utf-8")

    def drop(self, agent: str) -> None:
        """Takes a definition of the pool away."""
        (self.top / f"agents/business/{agent}.yaml").unlink()

    def pulumi(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs Pulumi in the project, with `more` variables; a failure that is not expected fails the test with it."""
        where = self.where() | {"env": self.environment | more}
        done = subprocess.run(self.command(*arguments), **where, timeout=900, check=False, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def command(self, *arguments: str) -> list[str]:
        """The command of a run of Pulumi."""
        return ["pulumi", *arguments, "--non-interactive", "--color", "never"]

    def where(self) -> dict[str, Any]:
        """Working directory, variables and pipes of a run of Pulumi."""
        return {"cwd": self.top, "env": self.environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    def up(self, stack: str, **more: str) -> None:
        """Applies a stack with `more` variables; it is made when there is none of that name."""
        if self.pulumi("stack", "--stack", stack, check=False).returncode:
            self.pulumi("stack", "init", stack, "--no-select")
        self.pulumi("up", "--stack", stack, "--yes", "--skip-preview", **more)

    def steps(self, stack: str) -> dict[str, str]:
        """What a preview would do: the resource's type and name → create, update, delete, replace…; no same."""
        said = json.loads(self.pulumi("preview", "--stack", stack, "--json").stdout)
        return {
            "::".join(step["urn"].split("::")[2:]).rpartition("$")[2]: step["op"]
            for step in said["steps"]
            if step["op"] != "same"
        }

    def kubectl(self, *arguments: str, given: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs kubectl in the pool's namespace, with `given` on its standard input."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        done = subprocess.run(command, env=self.environment, input=given, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def objects(self, kind: str) -> dict[str, Any]:
        """The live objects of a kind in the pool's namespace, by name."""
        command = ["kubectl", "--namespace", self.namespace, "get", kind, "--output", "json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True)
        return {one["metadata"]["name"]: one for one in json.loads(done.stdout)["items"]}

    def outputs(self, stack: str) -> dict[str, Any]:
        """What the stack says about what it last applied."""
        said: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--stack", stack, "--json").stdout)
        return said

    def manifests(self, stack: str) -> list[Manifest]:
        """What the stack ought to hold."""
        fleet = Fleet.open(WorkTree(self.top))
        return [one for part in contents(fleet, parse_stack(stack, fleet.catalog)).parts for one in part.manifests]

    def remove(self) -> None:
        """Deletes all that was applied: what is outside of the pool's namespace, and the namespace without waiting."""
        self.pulumi("destroy", "--stack", "dev.platform", "--yes", "--skip-preview", check=False)
        command = ["kubectl", "delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found"]
        subprocess.run(command, env=self.environment, capture_output=True, timeout=60, check=True)


def new_project(top: Path) -> Project:
    """A project with the idle agents `one` and `two`, whose namespaces no other run uses."""
    copy_sources(top)
    dev = environments()["dev"]
    suffix = dev["namespace_suffix"] = new_suffix()
    agents = {"business/one.yaml": IDLE, "business/two.yaml": IDLE}
    write(top, agents, {"pools.yaml": POOLS, "environments.yaml": yaml.safe_dump({"dev": dev})})
    record_images(top)
    context = parse_stack(SHARD, Fleet.open(WorkTree(top)).catalog).context
    return Project(top, variables(top, context), f"business{suffix}")


def new_suffix() -> str:
    """Of namespaces that no other run uses."""
    # A letter first, or YAML may read a number.
    return f"-t{secrets.token_hex(4)}"


def environments() -> dict[str, Any]:
    """The environments of the fixture catalog."""
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests/fixtures/catalog/environments.yaml").read_text("utf-8"))
    return found


def copy_sources(top: Path) -> None:
    """What a repository of agents has beside its agents, and a folder for the states."""
    for folder in ("components", "stacks", "ci", "policies"):
        ignored = shutil.ignore_patterns("__pycache__", "Pulumi.*")
        shutil.copytree(REPOSITORY / folder, top / folder, ignore=ignored, dirs_exist_ok=True)
    for file in ("Pulumi.yaml", ".gitignore", "pyproject.toml"):
        shutil.copy(REPOSITORY / file, top)
    (top / ".venv").symlink_to(REPOSITORY / ".venv")
    (top / "state").mkdir()


def variables(top: Path, context: str) -> dict[str, str]:
    """The environment of every command: a file backend below `top`, a kubeconfig with that context alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "ROSTER_RUN"))} | {
        "KUBECONFIG": str(_kubeconfig(top, context)),
        "PULUMI_BACKEND_URL": f"file://{top / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _kubeconfig(top: Path, context: str) -> Path:
    """The given kubeconfig, with its current context under the name that the catalog uses."""
    given = yaml.safe_load(Path(os.environ[KUBECONFIG]).read_text("utf-8"))
    current = next(one["context"] for one in given["contexts"] if one["name"] == given["current-context"])
    path = top / "kubeconfig"
    path.write_text(
        yaml.safe_dump(given | {"contexts": [{"name": context, "context": current}], "current-context": context})
    )
    path.chmod(0o600)
    return path
