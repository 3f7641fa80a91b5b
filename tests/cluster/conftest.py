"""One control plane for all tests here, started when the first of them runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Copies of the project and the real CRDs are other folders' subjects too.
sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("policies", "resources")]

from control_plane import ControlPlane
from crds import crds, install
from projects import REPOSITORY

from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import all_stacks


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A running cluster with all CRDs; its kubeconfig has the contexts of the repository's catalog, and `nonprod`."""
    if shutil.which("go") is None:
        pytest.skip("`go` is not on PATH: etcd and the API server cannot be built")
    folder = tmp_path_factory.mktemp("cluster")
    stacks = all_stacks(Fleet.open(WorkTree(REPOSITORY)).catalog)
    plane = ControlPlane(folder, sorted({"nonprod"} | {stack.context for stack in stacks if stack.context}))
    try:
        plane.start()
        install(plane.api, crds(folder))
        # Where Prometheus runs; the platform's own, before Roster comes.
        plane.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}}, "setup")
        yield plane
    finally:
        plane.stop()
