"""One side of a comparison: agents rendered from a state of the repository, by that state's own code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ci.threat.page import statements
from ci.threat.statement import Statements, from_json
from components.definition.findings import Finding, InvalidInput, errors
from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.facts import Facts, facts
from components.fleet import Fleet
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from policies.judge import Policies
from policies.rule import Subject

SHARED = "_shared"


@dataclass(slots=True)
class Rendered:
    """An agent in an environment, or with no facts a pool's own objects.

    `threat` says what the agent could do; None where the code that rendered it did not say. `lapsed`: waivers that it
    relies on and that have ended, by file.
    """

    facts: Facts | None
    manifests: list[Manifest]
    violations: tuple[str, ...] = ()
    threat: Statements | None = None
    lapsed: tuple[str, ...] = ()


class Side(Protocol):
    """Where rendered agents come from."""

    def agent(self, path: str) -> tuple[dict[str, Rendered], list[Finding]]:
        """A definition's renders by environment, and what is wrong with it; empty when there is no such file."""

    def shared(self) -> dict[tuple[str, str], list[Manifest]]:
        """The platform's and pools' own objects by environment and pool (an empty pool is the platform)."""


class LiveSide:
    """Renders with the code that is running."""

    def __init__(self, fleet: Fleet, today: str, environments: Sequence[str]) -> None:
        self.fleet = fleet
        self.environments = [name for name in environments if name in fleet.catalog.environments]
        self.today = today
        self.policies = Policies(fleet.catalog.waivers, today)
        self._known = frozenset(fleet.definitions)

    def agent(self, path: str) -> tuple[dict[str, Rendered], list[Finding]]:
        """See Side."""
        if path not in self._known:
            return {}, []
        examined = self.fleet.examine(path, self.environments)
        rendered: dict[str, Rendered] = {}
        for environment, agent in examined.resolved.items():
            manifests = agent_manifests(agent)
            judged = self.policies.judge(manifests, Subject.of(agent, self.fleet.catalog))
            broken = tuple(f"{one.rule.id}: {one.kind} {one.name}: {one.problem}" for one in judged if not one.waived)
            threat = statements(agent, manifests, judged, self.fleet.catalog, self.today)
            lapsed = tuple(sorted({one.lapsed for one in judged if one.lapsed}))
            rendered[environment] = Rendered(facts(agent), manifests, broken, threat, lapsed)
        return rendered, errors(examined.findings)

    def shared(self) -> dict[tuple[str, str], list[Manifest]]:
        """See Side."""
        catalog = self.fleet.catalog
        found: dict[tuple[str, str], list[Manifest]] = {}
        for environment in self.environments:
            found[environment, ""] = platform_manifests(environment, catalog)
            for pool in catalog.pools:
                if environment in catalog.pool_environments(pool):
                    found[environment, pool] = pool_manifests(pool, environment, catalog)
        return found


class EmptySide:
    """A state in which there is no fleet."""

    def agent(self, path: str) -> tuple[dict[str, Rendered], list[Finding]]:
        """See Side."""
        return {}, []

    def shared(self) -> dict[tuple[str, str], list[Manifest]]:
        """See Side."""
        return {}


class SpooledSide:
    """Reads what another version of Roster rendered (see `spool`)."""

    def __init__(self, folder: Path, environments: Sequence[str]) -> None:
        self.folder = folder
        self.environments = environments

    def agent(self, path: str) -> tuple[dict[str, Rendered], list[Finding]]:
        """See Side."""
        pool, name = agent_of(path)
        rendered: dict[str, Rendered] = {}
        for environment in self.environments:
            file = self.folder / environment / pool / f"{name}.json"
            if not file.exists():
                continue
            raw = json.loads(file.read_text("utf-8"))
            threat = from_json(raw["threat"]) if "threat" in raw else None
            rendered[environment] = Rendered(_facts(raw["facts"]), raw["manifests"], tuple(raw["violations"]), threat)
        return rendered, []

    def shared(self) -> dict[tuple[str, str], list[Manifest]]:
        """See Side."""
        file = self.folder / f"{SHARED}.json"
        raw = json.loads(file.read_text("utf-8")) if file.exists() else []
        return {(environment, pool): manifests for environment, pool, manifests in raw}


def _facts(raw: dict[str, object]) -> Facts:
    """Facts as another version wrote them: what it does not know is empty, what this one does not know is left out."""
    fields = Facts.__dataclass_fields__
    empty: dict[str, object] = {"str": "", "int": 0, "float": 0.0, "bool": False}
    values: dict[str, object] = {}
    for name, field in fields.items():
        value = raw.get(name, empty.get(str(field.type), ()))
        values[name] = (
            tuple(tuple(one) if isinstance(one, list) else one for one in value) if isinstance(value, list) else value
        )
    return Facts(**values)  # type: ignore[arg-type]


def spool(top: Path, folder: Path, today: str, environments: Sequence[str], paths: Iterable[str] | None) -> None:
    """Renders the fleet at `top` into JSON files below `folder`, with the code that is running."""
    fleet = Fleet.open(WorkTree(top))
    side = LiveSide(fleet, today, environments)
    for path in fleet.definitions if paths is None else paths:
        rendered, _ = side.agent(path)
        pool, name = agent_of(path)
        for environment, one in rendered.items():
            file = folder / environment / pool / f"{name}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            known = one.facts.as_json() if one.facts else {}
            threat = [said.as_json() for said in one.threat or ()]
            content = {"facts": known, "manifests": one.manifests, "violations": list(one.violations), "threat": threat}
            file.write_text(json.dumps(content), "utf-8")
    shared = [[environment, pool, manifests] for (environment, pool), manifests in side.shared().items()]
    (folder / f"{SHARED}.json").write_text(json.dumps(shared), "utf-8")


def spool_with_own_code(checkout: Path, folder: Path, today: str, environments: Sequence[str]) -> str:
    """Runs `spool` by the code of `checkout` in a process of its own; returns why it could not, or an empty string."""
    if not (checkout / "ci" / "plan" / "side.py").exists():
        return "the base has no Roster that can render for a plan"
    command = [sys.executable, "-m", "ci.plan.side", str(checkout), str(folder), today, *environments]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": ""}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-3:]
        return "the base cannot be rendered by its own code: " + " / ".join(last)
    return ""


def code_differs(paths: Iterable[str]) -> bool:
    """Whether what decides renders, besides `agents/`, is among the paths that differ."""
    return any(
        (path.startswith(("components/", "policies/", "ci/")) and path.endswith(".py")) or path.startswith("ci/locks/")
        for path in paths
        if not path.startswith("components/images/")
    )


if __name__ == "__main__":
    _top, _folder, _today, *_environments = sys.argv[1:]
    try:
        spool(Path(_top), Path(_folder), _today, _environments, None)
    except InvalidInput as _error:
        sys.exit(str(_error))
