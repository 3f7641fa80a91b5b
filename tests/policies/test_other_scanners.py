"""The repository's own fleet, images and workflows before three scanners that know nothing of Roster."""

from __future__ import annotations

import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from ci.scan.checkov import checkov_python
from ci.scan.choice import everything
from ci.scan.piece import Piece
from ci.scan.scan import PROGRAMS, Scanned, scan
from ci.scan.verdict import judge, unused
from components.definition.tree import WorkTree
from components.definition.waiver import Waiver
from components.fleet import Fleet

TOP = Path(__file__).parents[2]
TODAY = "2026-11-21"
# The sample fleet's; another fleet in `agents/` answers for itself.
OURS = TOP / "agents/catalog/waivers/checkov-image-digest.yaml"
sample = pytest.mark.skipif(not OURS.is_file(), reason="another fleet than the sample is in agents/")


def program(name: str) -> str:
    """As ci/test_tools.sh builds it; skips where it is not."""
    done = subprocess.run(
        ["bash", TOP / "ci/go_tools.sh", "--built", name], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{name} is not built: bash ci/go_tools.sh {name}")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet.open(WorkTree(TOP))


@pytest.fixture(scope="module")
def pieces(fleet: Fleet) -> list[Piece]:
    return everything(fleet, TOP)


@pytest.fixture(scope="module")
def scanned(pieces: list[Piece]) -> Scanned:
    # Raises where a scanner does not read all that it is given.
    return scan(pieces, checkov_python(), {name: program(name) for name in PROGRAMS})


def scanner_waivers(fleet: Fleet) -> dict[str, Waiver]:
    return {path: one for path, one in fleet.catalog.waivers.items() if one.foreign}


def test_all_three_read_every_object_dockerfile_and_workflow(pieces: list[Piece], scanned: Scanned) -> None:
    assert {piece.kind for piece in pieces} == {"object", "dockerfile", "workflow"}
    assert [name.split()[0] for name in scanned.ran] == ["Checkov", "kube-score", "kubeconform"]
    assert scanned.passed > 5 * len(pieces)


def test_kubeconform_finds_nothing_that_kubernetes_or_a_custom_kind_does_not_know(scanned: Scanned) -> None:
    assert [one for one in scanned.hits if one.scanner == "kubeconform"] == []


@sample
def test_nothing_is_found_but_what_a_waiver_answers_for(fleet: Fleet, scanned: Scanned) -> None:
    verdict = judge(scanned.hits, fleet, TODAY)
    assert verdict.findings == []
    assert verdict.waived == len(scanned.hits) > 0


@sample
def test_no_waiver_is_there_for_nothing(fleet: Fleet, scanned: Scanned) -> None:
    assert unused(fleet, judge(scanned.hits, fleet, TODAY), ["checkov", "kube-score"], TODAY) == []


@sample
def test_waivers_of_scanners_are_the_security_teams_and_end_within_a_year(fleet: Fleet) -> None:
    latest = (date.fromisoformat(TODAY) + timedelta(days=365)).isoformat()
    for waiver in scanner_waivers(fleet).values():
        assert waiver.owner == "security"
        assert TODAY < waiver.expires <= latest


@sample
def test_on_the_day_that_the_waivers_end_everything_they_held_back_is_found(fleet: Fleet, scanned: Scanned) -> None:
    ends = max(one.expires for one in scanner_waivers(fleet).values())
    found = judge(scanned.hits, fleet, ends).findings
    assert {one.rule for one in found} == {one.rule for one in scanned.hits}
    assert all("held it back until" in one.message for one in found)


def test_what_a_runtime_and_the_workflows_run_needs_no_waiver(scanned: Scanned) -> None:
    assert [one for one in scanned.hits if one.piece.source.startswith(("components/", ".github/"))] == []
