"""What is scanned: everything, or what differs from a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from ci.git import CommitTree, branch_point, changed_paths
from ci.plan.make import broken, make_plan
from ci.scan.build_files import dockerfiles, workflows
from ci.scan.piece import Piece
from components.definition.findings import InvalidInput, errors
from components.definition.places import CATALOG
from components.definition.reading import read_document
from components.definition.tree import FileProblem
from components.fleet import Fleet
from components.manifest_yaml import dump
from components.resolve.resolved import ResolvedAgent
from components.specs import agent_manifests, platform_manifests, pool_manifests

WAIVERS = f"{CATALOG}/waivers/"
# What changes the judgement of everything: the scanners themselves, and how they are called.
_JUDGES = ("ci/checkov.lock", "ci/scan/")
# Of the pool's own objects these are what scanners judge an agent's by.
_JUDGED_BY = frozenset({"NetworkPolicy"})


def everything(fleet: Fleet, top: Path) -> list[Piece]:
    """All objects of all environments, all Dockerfiles, all workflows. Raises InvalidInput for a fleet with errors."""
    found: list[Piece] = []
    for environment in fleet.catalog.environments:
        found += _platform(fleet, environment)
        for pool in fleet.catalog.pools:
            if environment in fleet.catalog.pool_environments(pool):
                found += _pool(fleet, environment, pool)
    for path in fleet.definitions:
        for agent in _resolved(fleet, path, None):
            found += _agent(agent, path)
    return [*found, *dockerfiles(fleet, None), *workflows(top, None)]


def changed(fleet: Fleet, top: Path, ref: str, today: str) -> list[Piece]:
    """What differs from where the branch left `ref`, with what it is judged by.

    Raises `ci.git.GitError`, and InvalidInput for a fleet with errors.
    """
    commit = branch_point(top, ref)
    differing = changed_paths(top, commit)
    if any(path.startswith(_JUDGES) for path in differing) or _waivers_changed(top, commit, differing):
        return everything(fleet, top)
    plan = make_plan(top, ref, today)
    if broken(plan):
        raise InvalidInput(broken(plan))
    found: list[Piece] = []
    agents: dict[str, list[str]] = {}
    pools: dict[tuple[str, str], bool] = {}
    for change in plan.changes:
        environment = change.environment
        # A change of waivers or facts alone changes no object.
        if environment not in fleet.catalog.environments or not change.diff:
            continue
        if change.after is not None:
            agents.setdefault(change.after.file, []).append(environment)
            pools.setdefault((environment, change.after.pool), False)
        elif change.before is None and not change.pool:
            found += _platform(fleet, environment)
        elif change.before is None and change.pool in fleet.catalog.pools:
            pools[environment, change.pool] = True
    for (environment, pool), whole in pools.items():
        found += _pool(fleet, environment, pool) if whole else _pool(fleet, environment, pool, only=_JUDGED_BY)
    for path, environments in agents.items():
        for agent in _resolved(fleet, path, environments):
            found += _agent(agent, path)
    return [*found, *dockerfiles(fleet, differing), *workflows(top, differing)]


def _waivers_changed(top: Path, commit: str, differing: Iterable[str]) -> bool:
    """Whether a scanner's waiver is gone or another now. A new one holds back what would be found; it adds nothing."""
    paths = [path for path in differing if path.startswith(WAIVERS)]
    with closing(CommitTree(top, commit)) as base:
        for path in paths:
            try:
                before = read_document(base, path, []).value
            except FileProblem:
                continue
            if isinstance(before, dict) and "/" in str(before.get("rule", "")):
                return True
    return False


def _resolved(fleet: Fleet, path: str, environments: list[str] | None) -> Iterator[ResolvedAgent]:
    examined = fleet.examine(path, environments)
    if errors(examined.findings):
        raise InvalidInput(examined.findings)
    yield from examined.resolved.values()


def _agent(agent: ResolvedAgent, path: str) -> list[Piece]:
    return [
        Piece("object", dump(one), path, agent.environment, agent.pool, agent, one) for one in agent_manifests(agent)
    ]


def _pool(fleet: Fleet, environment: str, pool: str, only: frozenset[str] | None = None) -> list[Piece]:
    source = fleet.catalog.documents["pools"].file
    return [
        Piece("object", dump(one), source, environment, pool, None, one, context=only is not None)
        for one in pool_manifests(pool, environment, fleet.catalog)
        if only is None or one["kind"] in only
    ]


def _platform(fleet: Fleet, environment: str) -> list[Piece]:
    source = fleet.catalog.documents["environments"].file
    manifests = platform_manifests(environment, fleet.catalog)
    return [Piece("object", dump(one), source, environment, "", None, one) for one in manifests]
