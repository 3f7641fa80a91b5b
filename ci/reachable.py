"""Which stacks of a plan the kubeconfig can reach: a line a stack, its name and why not, with a tab between them.

usage: python -m ci.reachable PLAN.json
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import yaml

from components.definition.load_catalog import Catalog
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import parse_stack


def unreachable(stacks: Iterable[str], catalog: Catalog, contexts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each stack that belongs to a cluster, and why it cannot be reached with these contexts; empty when it can."""
    for name in stacks:
        context = parse_stack(name, catalog).context
        if context:
            yield name, "" if context in contexts else f"the kubeconfig has no context {context}"


def kubeconfigs() -> list[Path]:
    """The files that kubectl would read: those that KUBECONFIG names, otherwise the user's own; only what is there."""
    given = os.environ.get("KUBECONFIG", "")
    paths = [Path(part) for part in given.split(os.pathsep) if part] or [Path.home() / ".kube" / "config"]
    return [path for path in paths if path.is_file()]


def contexts_of(paths: Iterable[Path]) -> set[str]:
    """The names of the contexts in kubeconfig files. Raises ValueError for a file that is none."""
    found = set()
    for path in paths:
        try:
            said = yaml.safe_load(path.read_bytes()) or {}
            found |= {one["name"] for one in said.get("contexts") or ()}
        except (yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is no kubeconfig") from error
    return found


def main(plan: str) -> None:
    """Prints the lines."""
    stacks = json.loads(Path(plan).read_text("utf-8"))["stacks"]
    try:
        contexts = contexts_of(kubeconfigs())
    except ValueError as error:
        sys.exit(str(error))
    for name, why in unreachable(stacks, Fleet.open(WorkTree(Path.cwd())).catalog, contexts):
        print(name, why, sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
