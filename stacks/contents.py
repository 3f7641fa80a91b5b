"""What a stack holds, as manifests: pure, and complete before anything is registered."""

from __future__ import annotations

from dataclasses import dataclass

from components.definition.catalog import Environment
from components.definition.findings import Finding, InvalidInput, errors
from components.definition.places import agent_of
from components.definition.tree import AGENTS
from components.fleet import Fleet
from components.resources.order import Manifest, unregistrable
from components.specs import agent_manifests, platform_manifests, pool_manifests
from components.specs.names import namespace
from components.stacks import Stack, holds
from policies.lapsed import Lapsed
from policies.rule import Subject


@dataclass(frozen=True, slots=True)
class Part:
    """The objects of an agent, a pool or the platform; `name` is the agent's or pool's, `platform` otherwise.

    `barred` says why nobody may begin to run the agent's image, `lapsed` why no change of the agent may be applied;
    empty when one may.
    """

    name: str
    namespace: str
    manifests: list[Manifest]
    barred: str = ""
    lapsed: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a stack holds; no parts for `images`, and for a shard that no agent of the pool happens to fall to."""

    stack: Stack
    parts: list[Part]
    namespace: str = ""

    @property
    def objects(self) -> int:
        """How many objects of the cluster that is."""
        return sum(len(part.manifests) for part in self.parts)


def contents(fleet: Fleet, stack: Stack, today: str = "", faults: list[Finding] | None = None) -> Contents:
    """The stack's contents on a day, an ISO date; with none no waiver has ended. Only its own definitions are examined.

    Raises InvalidInput with every error in them, so that a definition that cannot be read holds the whole stack as it
    was instead of taking its agent away. With `faults` they are put there instead, and their agents left out.
    """
    catalog = fleet.catalog
    space = _namespace(fleet, stack) if stack.pool else ""
    match stack.kind:
        case "images":
            return Contents(stack, [])
        case "platform":
            parts = [Part("platform", "", platform_manifests(stack.environment, catalog))]
        case "pool":
            parts = [Part(stack.pool, space, pool_manifests(stack.pool, stack.environment, catalog))]
        case "shard":
            parts = _agents(fleet, stack, Lapsed(catalog.waivers, today), faults)
    _hold_unregistrable(parts)
    return Contents(stack, parts, space)


def _agents(fleet: Fleet, stack: Stack, waivers: Lapsed, faults: list[Finding] | None) -> list[Part]:
    folder = f"{AGENTS}/{stack.pool}"
    in_pool = [path for path in fleet.definitions if agent_of(path)[0] == stack.pool]
    findings = [
        Finding(path, 1, 1, "symbolic-link", "a symbolic link is not followed; put the file itself here")
        for path in fleet.listing.links
        if path == folder or path.startswith(f"{folder}/")
    ]
    if not in_pool:
        message = f"{folder} has no definitions, so {stack.name} would lose every agent; `pulumi destroy` does that"
        findings.append(Finding(folder, 1, 1, "empty-pool", message))
    parts = []
    for path in in_pool:
        if not holds(stack, *agent_of(path)):
            continue
        examined = fleet.examine(path, [stack.environment])
        findings += examined.findings
        agent = examined.resolved.get(stack.environment)
        if agent is not None:
            manifests = agent_manifests(agent)
            lapsed = waivers.why(Subject.of(agent, fleet.catalog), manifests)
            parts.append(Part(agent.name, agent.namespace, manifests, agent.image.barred, lapsed))
    if errors(findings) and faults is None:
        raise InvalidInput(errors(findings))
    if faults is not None:
        faults += errors(findings)
    return parts


def _namespace(fleet: Fleet, stack: Stack) -> str:
    environment: Environment = fleet.catalog.environments[stack.environment]
    return namespace(stack.pool, fleet.catalog.pools[stack.pool], environment)


def _hold_unregistrable(parts: list[Part]) -> None:
    problems = unregistrable([manifest for part in parts for manifest in part.manifests])
    if problems:
        raise InvalidInput(Finding(AGENTS, 1, 1, "unregistrable", problem) for problem in problems)
