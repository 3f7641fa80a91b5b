"""What the files offer: for each agent, pool and platform of an environment the digest of its objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ci.parallel import for_each
from components.definition.findings import Finding, errors
from components.definition.places import agent_of
from components.digest import objects_digest
from components.facts import facts
from components.fleet import Fleet
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from components.stacks import Stack, all_stacks, holds
from policies.lapsed import Lapsed
from policies.rule import Subject


@dataclass(frozen=True, slots=True)
class Offer:
    """One agent in one environment, as the files have it. `credentials`: its bots'; `route`: its public address.

    `image`: what it runs; `barred`: why nobody may begin to run that, and `recorded` whether it ever passed the gate.
    `lapsed`: why no change of the agent may be applied.
    """

    environment: str
    pool: str
    name: str
    namespace: str
    path: str
    digest: str
    objects: int
    suspended: bool
    serves: bool
    route: str
    credentials: tuple[str, ...]
    image: str = ""
    barred: str = ""
    recorded: bool = True
    lapsed: str = ""

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"


@dataclass(frozen=True, slots=True)
class Offers:
    """All that the files offer. `broken`: pools with definitions that cannot be applied → what is wrong with them."""

    agents: dict[tuple[str, str], dict[str, Offer]]
    shared: dict[tuple[str, str], str]
    defined: dict[str, frozenset[str]]
    broken: dict[str, list[Finding]] = field(default_factory=dict)

    def faults(self, stack: Stack) -> list[Finding]:
        """What keeps the stack from being applied."""
        found = self.broken.get(stack.pool, []) if stack.kind == "shard" else []
        return [one for one in found if _lies_in(one.file, stack)]


def make_offers(
    fleet: Fleet, environments: Sequence[str], paths: Iterable[str] | None = None, today: str = ""
) -> Offers:
    """Renders the agents of `paths` (all with none) in the environments, and what pools and platforms need there.

    `today` is an ISO date; with none no waiver has ended.
    """
    agents: dict[tuple[str, str], dict[str, Offer]] = {}
    broken: dict[str, list[Finding]] = {}
    chosen = fleet.definitions if paths is None else sorted(paths)
    waivers = Lapsed(fleet.catalog.waivers, today)

    def work(path: str) -> tuple[list[Offer], list[Finding]]:
        return offers_of(fleet, path, environments, waivers)

    for path, (offers, findings) in zip(chosen, for_each(chosen, work), strict=True):
        for one in offers:
            agents.setdefault((one.environment, one.pool), {})[one.name] = one
        if findings:
            broken.setdefault(agent_of(path)[0], []).extend(findings)
    defined: dict[str, set[str]] = {}
    for path in fleet.definitions:
        defined.setdefault(agent_of(path)[0], set()).add(agent_of(path)[1])
    return Offers(
        agents, _shared(fleet, environments), {pool: frozenset(names) for pool, names in defined.items()}, broken
    )


def offers_of(
    fleet: Fleet, path: str, environments: Sequence[str], waivers: Lapsed | None = None
) -> tuple[list[Offer], list[Finding]]:
    """One definition in the environments that it runs in, and the errors in it."""
    examined = fleet.examine(path, environments)
    found = []
    for agent in examined.resolved.values():
        manifests = agent_manifests(agent)
        known = facts(agent)
        found.append(
            Offer(
                environment=agent.environment,
                pool=agent.pool,
                name=agent.name,
                namespace=agent.namespace,
                path=path,
                digest=objects_digest(manifests),
                objects=len(manifests),
                suspended=bool(known.suspended),
                serves=known.serves,
                route=known.route,
                credentials=known.bot_credentials,
                image=agent.image.reference,
                barred=agent.image.barred,
                recorded=agent.image.recorded,
                lapsed=waivers.why(Subject.of(agent, fleet.catalog), manifests) if waivers else "",
            )
        )
    return found, errors(examined.findings)


def shared_manifests(fleet: Fleet, stack: Stack) -> list[Manifest]:
    """What a platform or pool stack holds."""
    if stack.kind == "platform":
        return platform_manifests(stack.environment, fleet.catalog)
    return pool_manifests(stack.pool, stack.environment, fleet.catalog)


def _shared(fleet: Fleet, environments: Sequence[str]) -> dict[tuple[str, str], str]:
    """(environment, pool; none for the platform) → digest."""
    found: dict[tuple[str, str], str] = {}
    for stack in all_stacks(fleet.catalog):
        key = (stack.environment, stack.pool)
        if stack.kind in ("platform", "pool") and stack.environment in environments and key not in found:
            found[key] = objects_digest(shared_manifests(fleet, stack))
    return found


def _lies_in(path: str, stack: Stack) -> bool:
    pool, name = agent_of(path) if path.count("/") == 2 else ("", "")
    return pool != stack.pool or holds(stack, pool, name)
