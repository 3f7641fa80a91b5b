"""What a pull request has scanned: what it changes, with what that is judged by, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_fleet import git
from scanned_pieces import FILES, waiver

from ci.scan.choice import changed, everything
from ci.scan.piece import Piece, ScannerFailure
from ci.scan.staging import stage
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.manifest_yaml import dump
from components.specs import agent_manifests

TODAY = "2026-11-21"
WRITER = "agents/business/writer.yaml"
CI = ".github/workflows/ci.yaml"


def edit(top: Path, path: str, text: str) -> None:
    """Writes a file."""
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(text, "utf-8")


def chosen(top: Path) -> list[Piece]:
    """What is scanned against main."""
    return changed(Fleet.open(WorkTree(top)), top, "main", TODAY)


def own(pieces: list[Piece]) -> set[tuple[str, str]]:
    """(environment, agent or pool) of the objects that are judged."""
    return {
        (one.environment, one.agent.key if one.agent else one.pool)
        for one in pieces
        if one.kind == "object" and not one.context
    }


def test_one_agents_change_gives_scanners_that_agents_objects_and_its_pools_network_policies_only(
    repository: Path, tmp_path: Path
) -> None:
    edit(repository, WRITER, FILES["business/writer.yaml"].replace("Answers questions", "Writes letters"))
    pieces = chosen(repository)
    fleet = Fleet.open(WorkTree(repository))
    wanted = {
        (environment, dump(one))
        for environment, agent in fleet.examine(WRITER).resolved.items()
        for one in agent_manifests(agent)
    }
    assert {(one.environment, one.text) for one in pieces if not one.context} == wanted
    judged_by = [one for one in pieces if one.context]
    assert {(one.pool, (one.manifest or {})["kind"]) for one in judged_by} == {("business", "NetworkPolicy")}
    # On disk: one document a file, and no file but these.
    staged = stage(tmp_path / "staged", pieces)
    files = [file for group in staged.objects for file in group.files]
    assert sorted(files) == sorted((tmp_path / "staged").glob("objects-*/*"))
    assert sorted(file.read_text("utf-8") for file in files) == sorted(one.text for one in pieces)
    assert {group.name for group in staged.objects} == {f"{one}/business" for one in fleet.catalog.environments}


def test_what_changes_in_one_environment_is_scanned_there(repository: Path) -> None:
    edit(repository, WRITER, f"{FILES['business/writer.yaml']}overrides:\n  dev: {{env: {{TONE: plain}}}}\n")
    assert own(chosen(repository)) == {("dev", "business/writer")}


def test_an_agent_that_goes_leaves_nothing_to_scan(repository: Path) -> None:
    (repository / WRITER).unlink()
    assert own(chosen(repository)) == set()


def test_a_pools_own_change_has_the_pools_objects_judged(repository: Path) -> None:
    pools = (repository / "agents/catalog/pools.yaml").read_text("utf-8")
    assert "pods: 1500" in pools
    edit(repository, "agents/catalog/pools.yaml", pools.replace("pods: 1500", "pods: 1501", 1))
    assert {pool for _, pool in own(chosen(repository))} == {"business"}


def test_a_workflow_that_changes_is_scanned_alone(repository: Path) -> None:
    edit(repository, CI, "on: [push]\njobs: {a: {runs-on: x, steps: []}}\n")
    edit(repository, ".github/workflows/new.yml", "on: [push]\njobs: {}\n")
    assert [(one.kind, one.source) for one in chosen(repository)] == [
        ("workflow", CI),
        ("workflow", ".github/workflows/new.yml"),
    ]


def test_a_dockerfile_is_scanned_as_it_is_built_and_its_lines_stay(repository: Path) -> None:
    template = "components/images/fastapi/Dockerfile.j2"
    edit(repository, template, "# one\nFROM {{ base_image }}\nUSER {{ user }}\n")
    (found,) = [one for one in chosen(repository) if one.kind == "dockerfile"]
    assert found.source == template
    assert found.text == "# one\nFROM docker.io/library/python:3.11-slim\nUSER 10001\n"
    assert "runtime:fastapi" in found.scopes


def test_an_agents_own_dockerfile_has_the_base_image_that_the_builder_gives(repository: Path) -> None:
    edit(repository, "agents/business/own/Dockerfile", "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n")
    edit(repository, "agents/business/own.yaml", f"{FILES['business/writer.yaml']}build: {{context: own}}\n")
    (found,) = [one for one in chosen(repository) if one.kind == "dockerfile"]
    assert (found.source, found.text) == (
        "agents/business/own/Dockerfile",
        "ARG BASE_IMAGE\nFROM docker.io/library/python:3.11-slim\n",
    )
    assert {"business/own", "business/*"} <= found.scopes


@pytest.mark.parametrize("path", ["ci/checkov.lock", "ci/scan/checkov.py"])
def test_other_scanners_judge_everything_anew(repository: Path, path: str) -> None:
    edit(repository, path, "# another\n")
    fleet = Fleet.open(WorkTree(repository))
    assert own(chosen(repository)) == own(everything(fleet, repository))
    assert {key for _, key in own(chosen(repository))} > {"business/writer", "community/ada", "business", ""}


def test_a_waiver_that_goes_has_everything_judged_anew_and_one_that_comes_nothing(repository: Path) -> None:
    path = "agents/catalog/waivers/pull.yaml"
    edit(repository, path, waiver("checkov/CKV_K8S_15", "runtime:fastapi"))
    assert chosen(repository) == []
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "waived")
    assert chosen(repository) == []
    edit(repository, path, waiver("checkov/CKV_K8S_15", "business/writer"))
    assert ("prod", "community/ada") in own(chosen(repository))
    (repository / path).unlink()
    assert ("prod", "community/ada") in own(chosen(repository))


def test_a_link_in_the_place_of_a_workflow_is_refused_and_not_passed_over(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("on: [push]\n", "utf-8")
    (repository / ".github/workflows/link.yaml").symlink_to(tmp_path / "secret")
    for base in (chosen, lambda top: everything(Fleet.open(WorkTree(top)), top)):
        with pytest.raises(ScannerFailure, match=r"link.yaml is a symbolic link"):
            base(repository)
