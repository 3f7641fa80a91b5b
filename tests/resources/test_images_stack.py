"""The stack `images`: what is built and judged, what is left alone, and what a closed gate keeps from going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import Run, own_project, run_program

from bench.recorded_images import record_images

IMAGE, COMMAND = "docker-build:index:Image", "command:local:Command"
PINNED = "docker.io/library/python:3.11-slim@sha256:" + "cd" * 32
DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A fleet of which the image of the runtime fastapi has no record."""
    made = own_project(tmp_path)
    settings = made / "agents/catalog/settings.yaml"
    text = settings.read_text("utf-8").replace("image: docker.io/library/python:3.11-slim", f"image: {PINNED}")
    settings.write_text(text, "utf-8")
    record_images(made)
    (made / "out").mkdir()
    _record(made).unlink()
    return made


def _record(top: Path) -> Path:
    return max((top / "agents/catalog/images").glob("fastapi-*.yaml"), key=lambda one: one.stat().st_mtime_ns)


def _run(top: Path, *options: str) -> tuple[Any, Run]:
    done, runs = run_program(top, "images", options=options)
    return done, runs["images"]


def _of(run: Run, kind: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in run.resources if one["type"] == kind}


def test_just_what_has_no_record_is_built_from_the_very_files_of_its_hash(top: Path) -> None:
    done, run = _run(top)
    assert done.returncode == 0, done.stderr
    ((name, image),) = _of(run, IMAGE).items()
    assert name.startswith("fastapi-")
    inputs = image["object"]
    folder = top / "stacks" / inputs["context"]["location"]
    dockerfile = (top / "stacks" / inputs["dockerfile"]["location"]).read_text("utf-8")
    assert f"FROM {PINNED}" in dockerfile
    written = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    source = top / "components/images/fastapi"
    there = {
        str(one.relative_to(source)) for one in source.rglob("*") if one.is_file() and "__pycache__" not in one.parts
    }
    shared = {"Dockerfile", "strip_system.sh"}
    assert written == there - {"Dockerfile.j2", "requirements.in"} | shared
    assert inputs["labels"]["org.opencontainers.image.base.digest"] == "sha256:" + "cd" * 32
    assert not Path(inputs["context"]["location"]).is_absolute(), "the state is shared by machines"
    assert folder.name == name, "BuildKit takes folders of one name for one context"


def test_a_preview_builds_and_pushes_nothing_and_an_image_outlives_its_resource(top: Path) -> None:
    (image,) = _of(_run(top, "--preview")[1], IMAGE).values()
    assert image["object"]["buildOnPreview"] is False
    assert image["object"]["push"] is False
    assert image["retainOnDelete"] is True


def test_an_image_is_exported_by_the_digest_that_its_gate_gave(top: Path) -> None:
    _, run = _run(top)
    (image,), (gate,) = _of(run, IMAGE).values(), _of(run, COMMAND).values()
    assert f"@{DIGEST}" in gate["object"]["create"]
    assert gate["object"]["create"].endswith(
        f"images gate {image['name']} registry.example.com/roster/fastapi@{DIGEST}"
    )
    assert gate["object"]["triggers"] == [f"registry.example.com/roster/fastapi@{DIGEST}"]
    exported = run.exports["images"]
    assert exported[image["name"]] == f"registry.example.com/roster/fastapi@{DIGEST}"
    recorded = [value for name, value in exported.items() if name != image["name"]]
    assert recorded
    assert all("@sha256:" in one for one in recorded)


def test_what_is_recorded_is_not_built_again(top: Path) -> None:
    record_images(top)
    done, run = _run(top)
    assert done.returncode == 0, done.stderr
    assert _of(run, IMAGE) == _of(run, COMMAND) == {}
    assert any("/fastapi@" in one for one in run.exports["images"].values())


def test_a_closed_gate_gives_no_digest_on(top: Path) -> None:
    ((name, _),) = _of(_run(top)[1], IMAGE).items()
    done, run = _run(top, "--fail", name)
    assert done.returncode == 0, done.stderr
    assert DIGEST not in str(run.outputs)


def test_a_base_without_a_digest_builds_nothing_and_says_how_it_gets_one(top: Path) -> None:
    settings = top / "agents/catalog/settings.yaml"
    settings.write_text(settings.read_text("utf-8").replace(PINNED, "docker.io/library/python:3.11-slim"), "utf-8")
    for record in (top / "agents/catalog/images").glob("fastapi-*.yaml"):
        record.unlink()
    done, run = _run(top)
    assert done.returncode == 32
    assert "roster images pin python" in done.stderr
    assert run.resources == [] or _of(run, IMAGE) == {}
