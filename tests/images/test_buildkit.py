"""Builds by `docker buildx` and a real BuildKit: the same digest twice, layers kept in the registry, failures told."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from buildkit import buildkit, lacking
from image_project import DOCKERFILE, MENDED, METADATA, OWN, VULNERABLE, Ground, Project, opened, project
from local_registry import INDEX, MANIFEST

REPOSITORY = "roster/sales/scorer"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if reason := lacking():
        pytest.skip(reason)
    with opened(tmp_path_factory.mktemp("ground")) as found, buildkit(found.registry, found.storage / "docker"):
        yield found


@pytest.fixture
def made(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose base image is pinned and whose images BuildKit builds."""
    ground.set(monkeypatch)
    found = project(ground, tmp_path / "project")
    settings = found.top / "agents/catalog/settings.yaml"
    settings.write_text(settings.read_text().replace("builder: buildah", "builder: buildx"))
    found.done("images", "pin", "python")
    return found


def test_an_image_built_twice_has_one_digest_and_is_pushed_only_when_told(ground: Ground, made: Project) -> None:
    made.done("images", "build", OWN)
    first = made.step("built")
    assert first["pushed"] is False
    with pytest.raises(Exception, match="404"):
        ground.registry.manifest(REPOSITORY, first["digest"])
    shutil.rmtree(made.top / "out")
    made.done("images", "build", OWN, "--push", "--cache")
    again = made.step("built")
    assert (again["digest"], again["pushed"]) == (first["digest"], True)
    manifest = ground.registry.manifest(REPOSITORY, first["digest"])
    assert manifest["mediaType"] == MANIFEST
    config = json.loads(ground.registry.read(REPOSITORY, manifest["config"]["digest"]))
    assert config["config"]["User"] == "10001"
    assert config["config"]["Labels"]["org.opencontainers.image.base.digest"].startswith("sha256:")
    [(name, _, changed, _)] = _files(ground, first["digest"])
    assert (name.rpartition("/")[2], changed) == ("METADATA", _epoch(config["created"]))
    # What a cold machine would go on from.
    assert ground.registry.manifest("roster/cache", made.listed()["name"])["mediaType"] in (MANIFEST, INDEX)


def test_a_file_of_the_same_size_and_time_is_not_taken_from_another_context(ground: Ground, made: Project) -> None:
    """BuildKit keeps what it was sent, by the last part of the folder's path, and looks at size and time only."""
    assert len(MENDED) == len(VULNERABLE)
    for version in (MENDED, VULNERABLE):
        made.package(version)
        made.done("images", "build", OWN, "--push")
        assert _files(ground, made.step("built")["digest"])[0][-1] == METADATA.format(version=version).encode()


def test_both_builders_files_are_the_same_though_their_digests_are_not(ground: Ground, made: Project) -> None:
    files = {}
    for builder in ("buildx", "buildah"):
        settings = made.top / "agents/catalog/settings.yaml"
        settings.write_text(settings.read_text().replace("builder: buildx", f"builder: {builder}"))
        made.done("images", "build", OWN, "--push", "--again")
        files[builder] = _files(ground, made.step("built")["digest"])
    assert files["buildx"] == files["buildah"]
    assert len(files["buildx"]) == 1


def test_a_build_that_fails_ends_with_what_buildkit_said(made: Project) -> None:
    made.write("agents/sales/scorer/Dockerfile", DOCKERFILE.replace("COPY METADATA", "COPY NOTHING"))
    failed = made.roster("images", "build", OWN)
    assert failed.returncode == 4
    assert "NOTHING" in failed.stderr
    assert "not found" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_was_built_is_scanned_and_recorded_as_any_other(made: Project, ground: Ground) -> None:
    for step in (["build", "--push"], ["scan"], ["sign", "--key", ground.place.signer().key], ["record"]):
        made.done("images", step[0], OWN, *step[1:])
    assert made.listed()["record"]["digest"] == made.step("built")["digest"]


def _files(ground: Ground, digest: str) -> list[tuple[str, int, float, bytes]]:
    """Name, mode, time and content of the files that the context's layer has."""
    manifest = ground.registry.manifest(REPOSITORY, digest)
    layer = gzip.decompress(ground.registry.read(REPOSITORY, manifest["layers"][-1]["digest"]))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return [
            (one.name, one.mode & 0o7777, one.mtime, tar.extractfile(one).read())  # type: ignore[union-attr]
            for one in tar
            if one.isfile()
        ]


def _epoch(created: str) -> float:
    return datetime.fromisoformat(created).timestamp()
