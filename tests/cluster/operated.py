"""A fleet whose agents are applied by hand, and the `roster` commands that look at it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any

import pytest
from api import Api, Manifest, wait_until
from small_fleet import MINIMAL, fleet, write
from typer.testing import CliRunner

from ci.cli import app
from components.specs import agent_manifests

ENVIRONMENTS = """\
dev:
  description: Where it is tried.
  clusters:
    nonprod: {{context: nonprod}}
  namespace_suffix: -{suffix}
  secrets: {{prefix: dev, refresh_hours: 1, store: {{kind: kubernetes, namespace: dev-secrets}}}}
  defaults:
    tier: small
    scaling: {{min: 1, max: 1}}
prod:
  description: What customers talk to.
  clusters:
    eu: {{context: not-here}}
    us: {{context: not-here-either}}
  secrets: {{prefix: prod, refresh_hours: 1, store: {{kind: kubernetes, namespace: prod-secrets}}}}
"""
AGENTS = {
    "plain": MINIMAL,
    "twins": MINIMAL + "overrides: {dev: {scaling: {min: 2, max: 2}}}\n",
    "asleep": MINIMAL + "suspended: true\n",
    "not-yet": MINIMAL,
}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Running:
    """A command that runs; its lines come within a minute each, or the test fails."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._lines: Queue[str] = Queue()
        if process.stdout:
            threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """The next line of its standard output."""
        try:
            return self._lines.get(timeout=60)
        except Empty:
            raise TimeoutError(
                f"no line; exit code {self._process.poll()}: {self._errors.read_text('utf-8')}"
            ) from None

    def interrupted(self) -> int:
        """Its exit code after Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(20)


class Operated:
    """A fleet whose environment dev lies in namespaces of its own; what tests apply is rendered from its files."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api = api
        self.suffix = f"trial-{secrets.token_hex(4)}"
        self.namespace = f"business-{self.suffix}"
        self.catalog = {"environments.yaml": ENVIRONMENTS.format(suffix=self.suffix)}
        self.files = {f"business/{name}.yaml": text for name, text in AGENTS.items()}
        self.folder = write(folder, self.files, self.catalog)
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def apply(self, name: str, definition: str = "", image: str = "", ready: bool = True, node: str = "") -> str:
        """Applies the agent's Deployment; returns its path, once its pods are ready."""
        path = f"agents/business/{name}.yaml"
        text = definition or AGENTS[name]
        examined = fleet({f"business/{name}.yaml": text}, self.catalog).examine(path, ["dev"])
        [manifest] = [one for one in agent_manifests(examined.resolved["dev"]) if one["kind"] == "Deployment"]
        pod = manifest["spec"]["template"]["spec"]
        # Neither is there without the pool's and the platform's own objects.
        del pod["priorityClassName"], pod["serviceAccountName"]
        if node:
            pod["nodeName"] = node
        if image:
            pod["containers"][0]["image"] = f"registry.example.com/{image}@sha256:{'ab' * 32}"
        self.api.apply(manifest, "roster")
        where: str = self.api.path(manifest)
        if ready:
            wait_until(f"{name} is ready", lambda: self.ready(where))
        return where

    def ready(self, path: str) -> bool:
        found = self.api.get(path)
        status = found.get("status", {})
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return current and status.get("availableReplicas", 0) == found["spec"]["replicas"]

    def pods(self, name: str) -> list[Manifest]:
        selector = f"app.kubernetes.io/name={name}"
        return self.api.items(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector)

    def roster(self, *arguments: str) -> Done:
        """Runs a command in the fleet's folder."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return Done(result.exit_code, result.stdout, result.stderr)

    def status(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Agent → what `roster status --json` says of it."""
        done = self.roster("status", "-e", "dev", "--json", *arguments)
        return {one["agent"]: one for one in json.loads(done.stdout)["agents"]}

    @contextmanager
    def running(self, *arguments: str, stdout: int = subprocess.PIPE, term: str = "xterm") -> Iterator[Running]:
        """A command that does not end by itself. `term` is the kind of terminal that `stdout` is, if it is one."""
        command = [sys.executable, "-c", "from ci.cli import main; main()", *arguments]
        variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": term}
        errors = self.folder / "errors.txt"
        with errors.open("w") as stderr:
            process = subprocess.Popen(command, cwd=self.folder, text=True, env=variables, stdout=stdout, stderr=stderr)
        try:
            yield Running(process, errors)
        finally:
            process.kill()
            process.wait()
