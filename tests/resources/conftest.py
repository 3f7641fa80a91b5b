"""The program's runs that several test modules look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Ran, own_project, run_program, sample_project

from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import all_stacks

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def commit() -> str:
    """The commit that the runs of `ran` are told."""
    return COMMIT


@pytest.fixture(scope="session", params=["sample", "own"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    top = tmp_path_factory.mktemp(request.param)
    (sample_project if request.param == "sample" else own_project)(top)
    fleet = Fleet.open(WorkTree(top))
    filled = {agent_of(path)[0] for path in fleet.definitions}
    stacks = [stack for stack in all_stacks(fleet.catalog) if stack.kind != "shard" or stack.pool in filled]
    done, runs = run_program(
        top, *[stack.name for stack in stacks], ROSTER_COMMIT=COMMIT, KUBECONFIG="/home/someone/kubeconfig"
    )
    assert done.returncode == 0, done.stderr
    assert all(run.finished for run in runs.values())
    return Ran(top, fleet, stacks, runs)


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own_project(tmp_path_factory.mktemp("program"))
