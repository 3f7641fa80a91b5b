"""The stack `images` with a real engine: BuildKit builds and pushes, Grype judges, a closed gate gives nothing on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine import copy_sources, variables

sys.path.append(str(Path(__file__).parents[1] / "images"))

from buildkit import buildkit, lacking
from image_project import MENDED, OWN, VULNERABLE, Ground, opened
from image_project import Project as Images
from image_project import project as images_project

PROVIDERS = ("pulumi-resource-docker-build", "pulumi-resource-command")


@dataclass(frozen=True)
class Stack:
    """A project whose images the stack builds, and what its commands find in the environment."""

    images: Images
    environment: dict[str, str]

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Pulumi there."""
        command = ["pulumi", *arguments, "--stack", "images", "--non-interactive", "--color", "never"]
        return subprocess.run(
            command, cwd=self.images.top, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """Applies the stack."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, str]:
        """Image → reference by digest; nothing before an up that came to its end."""
        found: dict[str, dict[str, str]] = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return found.get("images", {})


@pytest.fixture(scope="module")
def ground(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    absent = [name for name in PROVIDERS if shutil.which(name) is None]
    if reason := lacking() or (f"not on PATH: {', '.join(absent)}" if absent else ""):
        pytest.skip(reason)
    with opened(tmp_path_factory.mktemp("ground")) as found, buildkit(found.registry, found.storage / "docker"):
        yield found


@pytest.fixture
def stack(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that nothing was built in."""
    path = os.environ["PATH"]
    ground.set(monkeypatch)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{path}")
    made = images_project(ground, tmp_path / "project")
    made.done("images", "pin", "python")
    copy_sources(made.top)
    found = Stack(made, variables(made.top, "trial"))
    assert found.pulumi("stack", "init", "--no-select").returncode == 0
    return found


def pushed(ground: Ground, reference: str) -> bool:
    """Whether the registry has it."""
    repository, _, digest = reference.removeprefix(f"{ground.registry.host}/").partition("@")
    return ground.registry.manifest(repository, digest)["schemaVersion"] == 2


def test_a_preview_builds_nothing_and_an_up_pushes_what_the_gate_lets_through(ground: Ground, stack: Stack) -> None:
    name = stack.images.listed()["name"]
    looked = stack.pulumi("preview")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    with pytest.raises(Exception, match="404"):
        ground.registry.manifest("roster/sales/scorer", name.partition("-")[2])
    done = stack.up()
    assert done.returncode == 0, done.stdout + done.stderr
    reference = stack.outputs()[name]
    assert pushed(ground, reference)
    # The same files are the same digest when `roster images build` has BuildKit build them.
    settings = stack.images.top / "agents/catalog/settings.yaml"
    settings.write_text(settings.read_text().replace("builder: buildah", "builder: buildx"))
    stack.images.done("images", "build", OWN)
    assert stack.images.step("built")["digest"] == reference.partition("@")[2]
    again = json.loads(stack.pulumi("preview", "--json").stdout)
    assert {step["op"] for step in again["steps"]} == {"same"}


def test_a_vulnerable_image_fails_alone_and_no_digest_of_it_goes_on(ground: Ground, stack: Stack) -> None:
    stack.images.package(VULNERABLE)
    name = stack.images.listed()["name"]
    refused = stack.up()
    assert refused.returncode != 0
    assert "CVE-2026-1000" in refused.stdout + refused.stderr
    assert name not in stack.outputs()
    stack.images.package(MENDED)
    mended = stack.up()
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert pushed(ground, stack.outputs()[stack.images.listed()["name"]])


def test_an_image_stays_in_the_registry_when_its_stack_is_destroyed(ground: Ground, stack: Stack) -> None:
    assert stack.up().returncode == 0
    (reference,) = stack.outputs().values()
    destroyed = stack.pulumi("destroy", "--yes", "--skip-preview")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert pushed(ground, reference)
