"""Runs the Pulumi program with a real engine against a real API server, where this machine has both.

Wanted on PATH: `pulumi`, its Python language host, the provider `pulumi-resource-kubernetes` (unless Pulumi has it
among its plugins) and `kubectl`. `ROSTER_ENGINE_KUBECONFIG` names a kubeconfig whose current context is a cluster for
trials: it needs the CRDs of what Roster renders and the controllers of Deployments, endpoints and namespaces, but no
nodes. Each run makes namespaces of its own and deletes them; the namespace `monitoring`, where platforms put objects
that they do not own, is made when it is not there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import IDLE, KUBECONFIG, SHARD, Project, new_project

TOOLS = ("pulumi", "pulumi-language-python", "kubectl")


def _missing() -> str:
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not on PATH: {', '.join(absent)}"
    kubeconfig = os.environ.get(KUBECONFIG, "")
    if not Path(kubeconfig).is_file():
        return f"no API server to try it on: {KUBECONFIG} names no kubeconfig"
    return ""


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips what needs a real engine where there is none."""
    missing = _missing()
    if missing:
        pytest.skip(missing)
    kubectl = ["kubectl", "--kubeconfig", os.environ[KUBECONFIG]]
    if subprocess.run([*kubectl, "get", "namespace", "monitoring"], capture_output=True).returncode:
        subprocess.run([*kubectl, "create", "namespace", "monitoring"], check=True)


@pytest.fixture(scope="module")
def project(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A fleet of its own whose stacks `dev.platform` and `dev.business` are applied; `dev.business.0` is not yet."""
    made = new_project(tmp_path_factory.mktemp("engine"))
    try:
        made.up("dev.platform")
        made.up("dev.business")
        yield made
    finally:
        made.remove()


@pytest.fixture
def applied(project: Project) -> Project:
    """The project with the agents `one` and `two` and no others applied."""
    for path in (project.top / "agents/business").glob("*.yaml"):
        path.unlink()
    project.write("one", IDLE)
    project.write("two", IDLE)
    # However many agents a test left behind.
    project.up(SHARD, ROSTER_ALLOW_REMOVALS=SHARD)
    return project
