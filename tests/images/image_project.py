"""A small repository of agents whose registry, base image, scanner and key are this machine's own, for the commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# The fleet of the commands' tests, and the way in which those run a command.
sys.path.append(str(Path(__file__).parents[1] / "ci"))

import harness
import pytest
from command_fleet import CATALOG, Done, git, roster, write_fleet
from grype_ground import debian, npm_package, python_package
from grype_tool import grype, planted_database
from local_registry import LocalRegistry
from oci_layout import write_layout
from signing_place import Place, signing_place

TODAY = datetime.now(UTC).date()
PROGRAMS = ("buildah", "skopeo", "docker-registry", "git", "go")
METADATA = "Metadata-Version: 2.1\nName: planted-python\nVersion: {version}\n"
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY METADATA /usr/lib/python3/dist-packages/planted_python-1.dist-info/METADATA
USER 10001
"""
OWN, READY = "scorer", "app"
SCORER = """\
version: 1
description: Scores leads.
owner: red
runtime: service
model: {name: lab-one}
prompt: {text: You score.}
environments: [prod]
build: {context: ./scorer}
"""
PORTER = """\
version: 1
description: A program that others made.
owner: red
runtime: ready
environments: [prod]
"""
MENDED, VULNERABLE = "1.2.0", "1.0.0"


@dataclass(frozen=True)
class Ground:
    """What projects share: a registry, keys, tools, and databases that know of `planted-npm` or do not yet."""

    place: Place
    storage: Path
    programs: Path
    databases: dict[bool, Path] = field(default_factory=dict)

    @property
    def registry(self) -> LocalRegistry:
        """The registry."""
        return self.place.registry

    def put(
        self, repository: str, files: dict[str, str], folder: Path, tag: str = "1", architecture: str = "amd64"
    ) -> str:
        """An image of these files, under that tag; gives its digest."""
        write_layout(folder, files, architecture)
        command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{folder}"]
        target = f"docker://{self.registry.host}/{repository}:{tag}"
        subprocess.run([*command, target], check=True, capture_output=True, timeout=60)
        (digest,) = [one["digest"] for one in json.loads((folder / "index.json").read_text())["manifests"]]
        return str(digest)

    def set(self, patch: pytest.MonkeyPatch, *, new_findings: bool = False) -> None:
        """The environment of the commands: nothing of whoever runs the tests."""
        variables = {
            **self.place.environ,
            "PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
            "DOCKER_CONFIG": str(self.storage / "docker"),
            "CONTAINERS_STORAGE_CONF": str(self.storage / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "GRYPE_DB_CACHE_DIR": str(self.databases[new_findings]),
            "GRYPE_DB_AUTO_UPDATE": "false",
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        for name in ("GITHUB_RUN_ID", "CI_PROJECT_URL", "CI_JOB_URL", "ROSTER_BUILD_CA", "ROSTER_BUILD_NETWORK"):
            patch.delenv(name, raising=False)


@dataclass(frozen=True)
class Project:
    """A work tree with one agent, which has a build context of its own."""

    top: Path

    def roster(self, *arguments: str) -> Done:
        """Runs a command here."""
        return roster(self.top, *arguments)

    def done(self, *arguments: str) -> str:
        """What a command prints that has to work."""
        ended = self.roster(*arguments)
        assert ended.returncode == 0, f"roster {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def listed(self, repository: str = OWN) -> dict[str, Any]:
        """What `roster images` knows of an image."""
        (found,) = [
            one for one in json.loads(self.done("images", "--json")) if one["name"].startswith(f"{repository}-")
        ]
        return dict(found)

    def step(self, name: str, repository: str = OWN) -> dict[str, Any]:
        """What a command left for the next, by the file's name."""
        folder = self.top / "out/images" / self.listed(repository)["name"]
        return dict(json.loads((folder / f"{name}.json").read_text()))

    def record(self, repository: str = OWN) -> Path:
        """The record's file."""
        return self.top / f"agents/catalog/images/{self.listed(repository)['name']}.yaml"

    def write(self, path: str, text: str) -> None:
        """Writes a file."""
        (self.top / path).parent.mkdir(parents=True, exist_ok=True)
        (self.top / path).write_text(text)

    def package(self, version: str) -> None:
        """The version of the package in the own context."""
        self.write("agents/sales/scorer/METADATA", METADATA.format(version=version))

    def copy(self, folder: Path) -> Project:
        """Another one as it is now."""
        return Project(Path(shutil.copytree(self.top, folder)))


@contextmanager
def opened(folder: Path) -> Iterator[Ground]:
    """The ground, with the base image in its registry. Skips the test where something for it is missing."""
    if lacking := harness.missing(*PROGRAMS):
        pytest.skip(lacking)
    storage, programs = folder / "storage", folder / "programs"
    storage.mkdir()
    programs.mkdir()
    (storage / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{storage}/root"\nrunroot = "{storage}/run"\n'
    )
    with signing_place(folder) as place:
        cosign = shutil.which("cosign", path=place.environ["PATH"])
        for program in (grype(), Path(str(cosign)), Path(sys.executable).parent / "syft"):
            (programs / program.name).symlink_to(program)
        ground = Ground(place, storage, programs)
        for new in (False, True):
            ground.databases[new] = planted_database(folder / f"db-{new}", without="" if new else "planted-npm")
        ground.put("base/python", {**debian("12", "planted-base"), **npm_package("planted-npm", "1.0.0")}, folder / "b")
        yield ground


def project(ground: Ground, folder: Path) -> Project:
    """A new project, in git; its image has nothing wrong, its base is by tag."""
    host = ground.registry.host
    key = ground.place.identity().key.replace("\n", "\n      ")
    settings = CATALOG["settings"].replace("registry.example.com/roster", f"{host}/roster")
    settings = settings.replace("docker.io/library/python@sha256:" + "ab" * 32, f"{host}/base/python:1")
    settings += f"images:\n  builder: buildah\n  scanner: grype\n  signing:\n    key: |\n      {key}"
    runtimes = CATALOG["runtimes"].replace("docker.io/example/ready@sha256:" + "ab" * 32, f"{host}/vendor/app:1")
    made = Project(folder)
    write_fleet(
        folder, {"agents/catalog/settings.yaml": f"{settings.rstrip()}\n", "agents/catalog/runtimes.yaml": runtimes}
    )
    for path in [*folder.glob("agents/sales/*"), *folder.glob("agents/chat/*")]:
        path.unlink()
    made.write("agents/sales/scorer.yaml", SCORER)
    made.write("agents/sales/scorer/Dockerfile", DOCKERFILE)
    made.write(".gitignore", "out/\n")
    made.package(MENDED)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return made


def vendor_image(ground: Ground, folder: Path, version: str = MENDED) -> str:
    """What the tag of the ready image stands for from now on; its digest."""
    return ground.put("vendor/app", {**debian("12", "planted-base"), **python_package(version=version)}, folder)
