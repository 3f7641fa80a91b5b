"""What signing takes: a registry of this machine, two people's keys and cosign; and what was built, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from local_registry import LocalRegistry

from ci.images.cosign import SigningError, run_cosign
from ci.images.provenance import Build
from ci.images.signing import Identity, Signer, attest_provenance, sign, verify

TOP = Path(__file__).parents[2]
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "openssl"}]}
BUILD = Build(
    builder="https://github.com/example/agents/.github/workflows/images.yaml@refs/heads/main",
    repository="https://github.com/example/agents",
    commit="1f" * 20,
    context_hash="c0" * 32,
    base="docker.io/library/python:3.11-slim@sha256:" + "ba" * 32,
    args={"ELIZA_VERSION": "1.7.2"},
    run="https://github.com/example/agents/actions/runs/1/attempts/1",
)


@dataclass(frozen=True)
class Place:
    """A registry, keys of two people, and the environment in which cosign runs."""

    registry: LocalRegistry
    folder: Path
    environ: Mapping[str, str]

    def signer(self, who: str = "ours") -> Signer:
        """One of the two, with a private key."""
        return Signer(str(self.folder / f"{who}.key"))

    def identity(self, who: str = "ours") -> Identity:
        """One of the two, by the public key."""
        return Identity(key=(self.folder / f"{who}.pub").read_text("utf-8"))

    def sbom(self) -> Path:
        """A bill of materials, as a file."""
        file = self.folder / "sbom.cdx.json"
        file.write_text(json.dumps(SBOM), "utf-8")
        return file

    def complete(self, repository: str, content: str, who: str = "ours") -> str:
        """A new image, signed and with provenance."""
        image = self.registry.push(repository, content)
        sign(image, self.signer(who), self.environ)
        attest_provenance(image, BUILD, self.signer(who), self.environ)
        return image

    def refused(self, reference: str, who: str = "ours") -> SigningError:
        """Why the image is not verified."""
        with pytest.raises(SigningError) as refused:
            verify(reference, self.identity(who), self.environ)
        return refused.value


@contextmanager
def signing_place(folder: Path) -> Iterator[Place]:
    """Everything of it lies below `folder`. Skips the test where the registry or cosign cannot be had."""
    if shutil.which("docker-registry") is None:
        pytest.skip("`docker-registry` is not on PATH: apt-get install docker-registry")
    if shutil.which("go") is None:
        pytest.skip("`go` is not on PATH: cosign cannot be built")
    command = ["bash", TOP / "ci/go_tools.sh", "cosign"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    # A home of its own: no login of whoever runs the tests, and nothing left behind.
    environ = {
        "PATH": f"{Path(done.stdout.strip()).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "COSIGN_PASSWORD": "of no worth",
    }
    for who in ("ours", "theirs"):
        run_cosign(["generate-key-pair", "--output-key-prefix", str(folder / who)], "keys", environ)
    registry = LocalRegistry(folder)
    try:
        yield Place(registry, folder, environ)
    finally:
        registry.stop()
