"""Examines a fleet: definitions, rules between agents, policies, schemas. Everything that `check` and `render` say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from ci.parallel import for_each
from components.definition.findings import Finding, errors
from components.definition.places import agent_of
from components.definition.stray import stray_files
from components.facts import Facts
from components.fleet import Examined, Fleet, files_named
from components.fleet_rules import fleet_findings
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from policies.judge import Policies
from policies.rule import Subject, Violation
from policies.rules import RULES
from policies.waivers import lapsed_reason, unused_findings, waiver_findings

# How long before a model's retirement its agents' owners are told.
RETIREMENT_NOTICE_DAYS = 30
Visit = Callable[[ResolvedAgent, list[Manifest]], None]


@dataclass(slots=True)
class Seen:
    """What came of one definition; small, since it travels between processes.

    `relied` are the (file, scope) of the waivers that its violations rely on, in any environment.
    """

    findings: list[Finding]
    facts: list[Facts]
    named: set[str]
    objects: int
    relied: set[tuple[str, str]]


@dataclass(slots=True)
class Inspection:
    """What came of a fleet."""

    findings: list[Finding]
    facts: list[Facts]
    agents: int
    objects: int
    waived: int = 0
    environments: tuple[str, ...] = field(default=())

    @property
    def sound(self) -> bool:
        """Whether nothing stands in the way of rendering."""
        return not errors(self.findings)


class Inspector:
    """Holds what each worker needs: the fleet, the policies, and whether schemas are checked.

    `visit` gets each agent's manifests, in the process that made them. `today` is an ISO date.
    """

    def __init__(
        self,
        fleet: Fleet,
        today: str,
        *,
        environments: Sequence[str] | None = None,
        schemas: bool = False,
        visit: Visit | None = None,
    ) -> None:
        self.fleet = fleet
        self.today = today
        self._soon = (date.fromisoformat(today) + timedelta(days=RETIREMENT_NOTICE_DAYS)).isoformat()
        self.environments = list(fleet.catalog.environments) if environments is None else list(environments)
        self.policies = Policies(fleet.catalog.waivers, today)
        self.visit = visit
        self.schemas = schemas

    def inspect(self, paths: Sequence[str] | None = None, processes: int | None = None) -> Inspection:
        """Examines the definitions at `paths` (all of them with none) and the fleet's rules over what was seen."""
        fleet = self.fleet
        chosen = fleet.definitions if paths is None else list(paths)
        findings = [*fleet.findings, *self._waivers(), *self._images()]
        facts: list[Facts] = []
        relied: set[tuple[str, str]] = set()
        named: set[str] = set()
        broken: set[str] = set()
        objects = 0
        for path, seen in zip(chosen, for_each(chosen, self.see, processes), strict=True):
            if errors(seen.findings):
                broken.add(path)
            findings += seen.findings
            facts += seen.facts
            named |= seen.named
            relied |= seen.relied
            objects += seen.objects
        if paths is None:
            for file, manifests in self.shared_manifests().items():
                environment, _, rest = file.partition("/")
                pool = rest.partition("/")[0] if "/" in rest else ""
                subject = Subject(environment, pool, None, self.fleet.catalog)
                findings += self._shared_findings(manifests, subject, relied)
                objects += len(manifests)
            contexts = [path.rstrip("/") for path in named if path.endswith("/")]
            findings += stray_files(fleet.listing, named, contexts, broken)
            findings += fleet_findings(fleet.definitions, facts, fleet.catalog, fleet.tree, broken)
            if not broken and set(self.environments) >= set(fleet.catalog.environments):
                findings += self._unused(facts, relied)
        return Inspection(sorted(set(findings)), facts, len(chosen), objects, environments=tuple(self.environments))

    def _waivers(self) -> list[Finding]:
        """What is wrong with the waivers themselves."""
        return waiver_findings(self.fleet.catalog, self.today, [rule.id for rule in RULES])

    def _unused(self, facts: Sequence[Facts], relied: set[tuple[str, str]]) -> list[Finding]:
        """Waivers that cover nothing; only who has seen everything can say that."""
        agents = {"/".join(agent_of(path)) for path in self.fleet.definitions}
        ids = [rule.id for rule in RULES]
        return unused_findings(self.fleet.catalog, ids, agents, {one.image for one in facts}, relied)

    def _images(self) -> list[Finding]:
        """What is wrong with exceptions, records and build contexts; what images hold is the gate's to say."""
        from ci.images.fleet_checks import image_findings

        return image_findings(self.fleet, self.today)

    def see(self, path: str) -> Seen:
        """Examines one definition in the chosen environments."""
        examined = self.fleet.examine(path, self.environments)
        objects = 0
        relied: set[tuple[str, str]] = set()
        for agent in examined.resolved.values():
            manifests = agent_manifests(agent)
            objects += len(manifests)
            subject = Subject.of(agent, self.fleet.catalog)
            violations = self.policies.judge(manifests, subject)
            for one in violations:
                relied |= self.policies.waivers.relied_on(one.rule.id, subject)
            examined.findings += self._violations(examined, violations)
            examined.findings += self._retiring(examined, agent)
            if self.schemas:
                examined.findings += _schema_findings(examined.path, agent.key, manifests)
            if self.visit is not None and not errors(examined.findings):
                self.visit(agent, manifests)
        named = files_named(examined.agent) if examined.agent else set()
        return Seen(list(dict.fromkeys(examined.findings)), examined.facts(), named, objects, relied)

    def shared_manifests(self) -> dict[str, list[Manifest]]:
        """The platform's and the pools' own objects, by the file that they are rendered to."""
        catalog = self.fleet.catalog
        found: dict[str, list[Manifest]] = {}
        for environment in self.environments:
            found[f"{environment}/_platform.yaml"] = platform_manifests(environment, catalog)
            for pool in catalog.pools:
                if environment in catalog.pool_environments(pool):
                    found[f"{environment}/{pool}/_pool.yaml"] = pool_manifests(pool, environment, catalog)
        return found

    def _violations(self, examined: Examined, violations: list[Violation]) -> list[Finding]:
        found = []
        for one in violations:
            if one.waived or examined.agent is None:
                continue
            document = examined.agent.document
            line, column = document.place(one.rule.field if document.has(one.rule.field) else ("runtime",))
            message = one.message
            if one.lapsed:
                waiver = self.fleet.catalog.waivers[one.lapsed]
                message += f" It stays as it is, but no change of it is taken: {lapsed_reason(one.lapsed, waiver)}."
            found.append(Finding(examined.path, line, column, one.rule.id, message, one.severity, examined.agent.key))
        return found

    def _retiring(self, examined: Examined, agent: ResolvedAgent) -> list[Finding]:
        """A warning when the agent's model answers no more, or not for much longer."""
        if agent.model is None or examined.agent is None or not agent.model.provider:
            return []
        end = self.fleet.catalog.entries["providers"][agent.model.provider].models[agent.model.name].retires
        if end is None or end > self._soon:
            return []
        line, column = examined.agent.document.place(("model", "name"))
        when = "answers no more since" if end <= self.today else "answers no more from"
        message = f"{agent.model.name} {when} {end}; choose another model"
        return [Finding(examined.path, line, column, "model-retires", message, "warning", agent.key)]

    def _shared_findings(
        self, manifests: list[Manifest], subject: Subject, relied: set[tuple[str, str]]
    ) -> list[Finding]:
        """What is wrong with a pool's or the platform's own objects; adds to `relied` what they rely on."""
        document = self.fleet.catalog.documents["pools" if subject.pool else "settings"]
        line, column = document.place((subject.pool,), key=True) if subject.pool else (1, 1)
        found = []
        for one in self.policies.judge(manifests, subject):
            relied |= self.policies.waivers.relied_on(one.rule.id, subject)
            if one.waived:
                continue
            message = one.message
            if one.lapsed:
                message += f" {lapsed_reason(one.lapsed, self.fleet.catalog.waivers[one.lapsed])}."
            found.append(Finding(document.file, line, column, one.rule.id, message, one.severity))
        return found + (_schema_findings(document.file, "", manifests) if self.schemas else [])


def _schema_findings(file: str, agent: str, manifests: list[Manifest]) -> list[Finding]:
    from ci.schema_check import schema_findings

    return schema_findings(file, agent, manifests)
