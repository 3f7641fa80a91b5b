"""Where agents are looked for: the clusters of each environment, and the agents that the files put there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ci.parallel import for_each
from components.definition.load_catalog import Catalog
from components.definition.places import agent_of
from components.facts import Facts
from components.fleet import Fleet
from components.resolve.catalog_rules import pool_clusters
from components.specs.names import namespace


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster of an environment. `only` says that the environment has no other; `prometheus` is empty for none.

    `pools` are the pools that run there, by namespace.
    """

    environment: str
    cluster: str
    only: bool
    context: str
    uid: str | None
    prometheus: str
    pools: Mapping[str, str] = field(compare=False)

    @property
    def name(self) -> str:
        """As stacks are named: `dev`, or `prod.eu` where there are several."""
        return self.environment if self.only else f"{self.environment}.{self.cluster}"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent in a place. `suspended` says by what; `may_be_empty` where no pod at all may be as it should.

    `defined` is false for one that is asked for or found in a cluster, and that no file puts there. `expected` is false
    for such, and for those whose definition has errors: they are shown where they run.
    """

    place: Place
    pool: str
    name: str
    namespace: str
    owner: str = ""
    suspended: str = ""
    may_be_empty: bool = False
    defined: bool = True
    expected: bool = True

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"


def places(catalog: Catalog, environments: Iterable[str], prometheus: str = "") -> list[Place]:
    """The clusters of these environments, in order of promotion; `prometheus` in place of the catalog's address."""
    return [
        Place(
            environment,
            cluster,
            len(entry.clusters) == 1,
            where.context,
            where.uid,
            prometheus or entry.rollout.gate.prometheus or "",
            {
                namespace(pool, catalog.pools[pool], entry): pool
                for pool in catalog.pools
                if environment in catalog.pool_environments(pool)
                and cluster in pool_clusters(catalog, pool, environment)
            },
        )
        for environment in environments
        for entry in [catalog.environments[environment]]
        for cluster, where in entry.clusters.items()
    ]


def defined_agents(fleet: Fleet, found: Iterable[Place], paths: Collection[str]) -> tuple[list[Agent], list[str]]:
    """The agents of the definitions at `paths` in each place, and the paths of those that cannot be resolved."""
    by_environment: dict[str, list[Place]] = {}
    for place in found:
        by_environment.setdefault(place.environment, []).append(place)

    def look(path: str) -> list[Facts]:
        return fleet.examine(path, list(by_environment)).facts()

    agents: list[Agent] = []
    broken: list[str] = []
    ordered = sorted(paths)
    for path, facts in zip(ordered, for_each(ordered, look), strict=True):
        agents += [
            _agent(one, place) for one in facts for place in by_environment[one.environment] if _runs(one, place)
        ]
        if not facts and _unresolved(fleet, path, by_environment):
            broken.append(path)
            agents += _perhaps(path, by_environment)
    return agents, broken


def undefined(place: Place, space: str, name: str, owner: str = "") -> Agent:
    """An agent of a namespace that no file puts there."""
    return Agent(place, place.pools[space], name, space, owner, defined=False, expected=False)


def _perhaps(path: str, environments: Mapping[str, Iterable[Place]]) -> list[Agent]:
    """The agent of a definition with errors, wherever its pool is."""
    pool, name = agent_of(path)
    return [
        Agent(place, pool, name, space, expected=False)
        for some in environments.values()
        for place in some
        for space, of in place.pools.items()
        if of == pool
    ]


def _runs(of: Facts, place: Place) -> bool:
    return place.pools.get(of.namespace) == of.pool


def _agent(of: Facts, place: Place) -> Agent:
    return Agent(place, of.pool, of.name, of.namespace, of.owner, of.suspended, of.pods_min == 0)


def _unresolved(fleet: Fleet, path: str, environments: Collection[str]) -> bool:
    """Whether the definition should run in one of these environments, and errors keep that from being known."""
    agent = fleet.examine(path, []).agent
    if agent is None:
        return agent_of(path)[0] in fleet.catalog.pools
    return any(name in environments for name in fleet.environments_of(agent))
