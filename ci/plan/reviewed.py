"""The record that a plan leaves for whoever applies it: which objects it adds, changes and removes, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ci.git import changed_paths, commit_of, git
from components.definition.load_catalog import Catalog
from components.definition.tree import AGENTS
from components.reviewed import PlanOf, Reviewed, object_digest, object_key
from components.specs import Manifest
from components.stacks import all_stacks

# What renders are made of: a file here that is in no commit makes them another tree's.
_SOURCES = tuple(f"{folder}/" for folder in (AGENTS, "components", "policies", "stacks", "ci"))


class Clusters:
    """In which clusters the objects of a pool lie, or with no pool those of the platform."""

    def __init__(self, catalog: Catalog) -> None:
        self._known: dict[tuple[str, str], list[str]] = defaultdict(list)
        for stack in all_stacks(catalog):
            if stack.kind in ("platform", "pool"):
                self._known[stack.environment, stack.pool].append(stack.cluster)

    def of(self, environment: str, pool: str) -> list[str]:
        """The clusters' names."""
        return self._known.get((environment, pool), [])


@dataclass(slots=True)
class ObjectChanges:
    """Objects that are new or other than before: key → digest; and those that go."""

    set: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def add(self, other: ObjectChanges) -> None:
        """Takes in what another agent's or pool's comparison found."""
        self.set |= other.set
        self.removed += other.removed


def object_changes(
    environment: str,
    before: Iterable[Manifest],
    after: Iterable[Manifest],
    clusters_before: Iterable[str],
    clusters_after: Iterable[str],
) -> ObjectChanges:
    """What differs, in every cluster: an object that comes to another cluster is a new one there."""
    olds, news = list(before), list(after)
    if olds == news and list(clusters_before) == list(clusters_after):
        return ObjectChanges()
    was = _digests(environment, olds, clusters_before)
    now = _digests(environment, news, clusters_after)
    changed = {key: digest for key, digest in now.items() if was.get(key) != digest}
    return ObjectChanges(changed, [key for key in was if key not in now])


def shared_changes(
    olds: Mapping[tuple[str, str], list[Manifest]],
    news: Mapping[tuple[str, str], list[Manifest]],
    before: Clusters,
    after: Clusters,
) -> ObjectChanges:
    """What differs of the platform's and pools' own objects, which are given by environment and pool."""
    found = ObjectChanges()
    for environment, pool in dict.fromkeys([*news, *olds]):
        where = before.of(environment, pool), after.of(environment, pool)
        old, new = olds.get((environment, pool), []), news.get((environment, pool), [])
        found.add(object_changes(environment, old, new, *where))
    return found


def as_reviewed(top: Path, base: str, environments: Iterable[str], changes: ObjectChanges) -> Reviewed:
    """The record of a plan that was made of the files in `top`. Raises GitError."""
    commit = commit_of(top, "HEAD")
    tree = git(top, "rev-parse", f"{commit}^{{tree}}").strip()
    plan = PlanOf(commit, tree, _clean(top, commit), base, tuple(environments))
    # An agent that moves between pools of one namespace goes from one and comes to the other: its objects stay.
    removed = frozenset(changes.removed) - changes.set.keys()
    return Reviewed((plan,), {key: frozenset({digest}) for key, digest in changes.set.items()}, removed)


def _digests(environment: str, manifests: list[Manifest], clusters: Iterable[str]) -> dict[str, str]:
    digests = [(one, object_digest(one)) for one in manifests]
    return {object_key(environment, cluster, one): digest for cluster in clusters for one, digest in digests}


def _clean(top: Path, commit: str) -> bool:
    """Whether the files that renders are made of are the commit's; a file that git ignores is read all the same."""
    ignored = git(top, "ls-files", "--others", "-z", "--", AGENTS).split("\0")
    read = [path for path in ignored if not any(part.startswith(".") for part in path.split("/"))]
    return not any(path.startswith(_SOURCES) for path in [*changed_paths(top, commit), *read])
