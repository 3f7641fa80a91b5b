"""The fleet: catalog and definitions of one state of the repository, examined one definition at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from components.definition.findings import Finding, InvalidInput, errors, nearest
from components.definition.load_agent import LoadedAgent, load_agent, named_files
from components.definition.load_catalog import Catalog, load_catalog
from components.definition.partial import CONSEQUENCES, without
from components.definition.places import agent_of, beside, definition_paths
from components.definition.tree import AGENTS, FileProblem, Listing, Tree
from components.facts import Facts, facts
from components.resolve import ResolvedAgent, agent_references, catalog_references, resolve
from components.resolve.build import Shared
from components.resolve.catalog_rules import catalog_findings
from components.resolve.references import unknown_names
from components.specs.monitoring.all_alerts import ALL_ALERTS
from components.specs.monitoring.written_alerts import PAGE

_ALERT_NAMES = frozenset({PAGE, *(one.name for one in ALL_ALERTS)})


@dataclass(slots=True)
class Examined:
    """One definition: the agent as it is in each environment that it runs in, and all that is wrong with it."""

    path: str
    agent: LoadedAgent | None
    resolved: dict[str, ResolvedAgent]
    findings: list[Finding]

    def facts(self) -> list[Facts]:
        """The facts for each environment."""
        return [facts(agent) for agent in self.resolved.values()]


@dataclass(slots=True)
class Fleet:
    """A state of the repository whose catalog is sound."""

    tree: Tree
    listing: Listing
    catalog: Catalog
    findings: list[Finding]
    _files: frozenset[str] = field(default=frozenset())
    _shared: Shared = field(default_factory=dict)

    @classmethod
    def open(cls, tree: Tree) -> Fleet:
        """Reads the catalog. Raises InvalidInput with all that is wrong when it cannot be worked with."""
        try:
            listing = tree.files(AGENTS)
        except FileProblem as problem:
            raise InvalidInput([Finding(AGENTS, 1, 1, problem.rule, problem.message)]) from problem
        catalog, findings = load_catalog(tree, listing)
        if catalog is None:
            raise InvalidInput(findings)
        problems = catalog_references(catalog)
        findings += problems
        if not errors(problems):
            findings += catalog_findings(catalog)
        if errors(findings):
            raise InvalidInput(findings)
        return cls(tree, listing, catalog, findings, frozenset(listing.files))

    @property
    def definitions(self) -> list[str]:
        """The paths of all definitions, sorted."""
        return definition_paths(self.listing)

    def find(self, name: str) -> str:
        """The path of an agent's definition, by `pool/name`, name or path. Raises LookupError with the nearest name."""
        matches = [path for path in self.definitions if name in (path, agent_of(path)[1], "/".join(agent_of(path)))]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise LookupError(f"{name} is in several pools: {', '.join('/'.join(agent_of(one)) for one in matches)}")
        known = ["/".join(agent_of(path)) for path in self.definitions]
        known += [agent_of(path)[1] for path in self.definitions]
        raise LookupError(f"there is no agent {name!r}.{nearest(name, known)}")

    def examine(self, path: str, environments: Sequence[str] | None = None) -> Examined:
        """Loads and resolves one definition, in all of its environments or in those of `environments`."""
        agent, findings = load_agent(self.tree, path, self._files)
        examined = Examined(path, agent, {}, findings)
        if agent is None:
            return examined
        findings += [*agent_references(agent, self.catalog), *_alerts_apart(agent)]
        if errors(findings):
            findings += self._despite_faults(agent, environments)
            examined.findings = list(dict.fromkeys(findings))
            return examined
        for environment in self.environments_of(agent):
            if environments is not None and environment not in environments:
                continue
            resolved, problems = resolve(agent, environment, self.catalog, self._shared)
            findings += problems
            if resolved is not None:
                examined.resolved[environment] = resolved
        examined.findings = list(dict.fromkeys(findings))
        return examined

    def _despite_faults(self, agent: LoadedAgent, environments: Sequence[str] | None) -> list[Finding]:
        """What else is wrong with a definition that has faults: what can be said without what holds them."""
        unknown = [path for path, _, _ in unknown_names(agent.raw, self.catalog)]
        left = {"owner": "", "description": "", **without(agent.raw, unknown)}
        if agent.pool not in self.catalog.pools or "runtime" not in left:
            return []
        rest = replace(agent, raw={key: value for key, value in left.items() if key != "overrides"})
        found: list[Finding] = []
        for environment in self.environments_of(rest):
            if environments is None or environment in environments:
                found += resolve(rest, environment, self.catalog, self._shared)[1]
        return [one for one in found if one.file == agent.file and one.rule not in CONSEQUENCES]

    def environments_of(self, agent: LoadedAgent) -> list[str]:
        """The environments that an agent runs in, in order of promotion."""
        of_pool = self.catalog.pool_environments(agent.pool)
        listed = agent.raw.get("environments")
        return of_pool if listed is None else [name for name in of_pool if name in listed]


def _alerts_apart(agent: LoadedAgent) -> list[Finding]:
    """An alert of an author's under the name of one of Roster's would have that one's runbook and routes."""
    return [
        agent.document.finding(
            (*where, "alert_rules", name),
            "name-taken",
            f"alert_rules.{name}: Roster has an alert of this name",
            key=True,
        )
        for where, settings in (
            ((), agent.raw),
            *((("overrides", one), given) for one, given in (agent.raw.get("overrides") or {}).items()),
        )
        for name in settings.get("alert_rules") or {}
        if name in _ALERT_NAMES
    ]


def files_named(agent: LoadedAgent) -> set[str]:
    """The files besides the definition that make the agent what it is; build contexts end in a slash."""
    found: set[str] = set()
    for settings in (agent.raw, *(agent.raw.get("overrides") or {}).values()):
        for path, name in named_files(settings):
            target = beside(agent.file, name)
            if target:
                found.add(f"{target}/" if path[0] == "build" else target)
    return found
