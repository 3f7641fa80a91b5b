"""Fleets and planted faults for the tests of scanners, and the scanners themselves as they are built here."""

from __future__ import annotations

import subprocess
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
from small_fleet import CHARACTER, MINIMAL, catalog_files, fleet

from ci.scan.piece import Piece
from components.fleet import Fleet
from components.manifest_yaml import dump
from components.specs import Manifest, agent_manifests

TOP = Path(__file__).parents[3]


def _with_annotations(**annotations: str) -> str:
    """The fixture's pools, some with an annotation that all their agents get."""
    text = catalog_files()["catalog/pools.yaml"]
    for pool, annotation in annotations.items():
        text = text.replace(f"{pool}:\n", f"{pool}:\n  defaults: {{annotations: {{{annotation}}}}}\n", 1)
    return text


BOT = CHARACTER.replace("runtime: eliza\n", "runtime: eliza\nchannels: {twitter: {}}\n")
FILES = {
    "business/writer.yaml": MINIMAL,
    "business/sized.yaml": MINIMAL + "resources: {limits: {memory: 2Gi}}\n",
    "community/ada.yaml": BOT,
    # Authors may not excuse their agents; a pool's defaults are the catalog's.
    "catalog/pools.yaml": _with_annotations(
        business="kube-score/ignore: container-resources", community="checkov.io/skip1: CKV_K8S_20=because I say so"
    ),
}
# Of the shape of a key, made here so that none stands in this file.
KEY = "AKIA" + "Q7ZJ3M5XW2LN4RTB"


def small(files: dict[str, str] | None = None, catalog: dict[str, str] | None = None) -> Fleet:
    """A fleet of three agents, with `files` over it."""
    return fleet({**FILES, **(files or {})}, catalog)


def waiver(rule: str, scope: str, expires: str = "2027-06-30") -> str:
    """A waiver's file."""
    reason = "Tried in a test, for a while."
    return f"rule: {rule}\nscope: ['{scope}']\nreason: {reason}\nowner: security\nexpires: '{expires}'\n"


def pieces_of(of: Fleet, path: str, environment: str = "prod") -> list[Piece]:
    """An agent's objects."""
    agent = of.examine(path, [environment]).resolved[environment]
    return [piece(one, path, of, environment) for one in agent_manifests(agent)]


def piece(manifest: Manifest, path: str, of: Fleet, environment: str = "prod") -> Piece:
    """One object of an agent's, as it is or as a test made it."""
    agent = of.examine(path, [environment]).resolved[environment]
    return Piece("object", dump(manifest), path, environment, agent.pool, agent, manifest)


def kind_of(of: Fleet, path: str, kind: str) -> Manifest:
    """A copy of an agent's only object of a kind."""
    (found,) = [one.manifest for one in pieces_of(of, path) if one.manifest and one.manifest["kind"] == kind]
    return deepcopy(found)


@cache
def program(name: str) -> str:
    """A scanner that ci/test_tools.sh builds; skips where it is not built."""
    command = ["bash", TOP / "ci/go_tools.sh", "--built", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{name} is not built: bash ci/go_tools.sh {name}")
    return done.stdout.strip()
