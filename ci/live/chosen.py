"""Which agents and places a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ci.live.places import Agent, Place, defined_agents, places, undefined
from components.definition.findings import nearest, one_of
from components.definition.places import agent_of
from components.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Chosen:
    """The agents asked for in each place. `whole`: pools were asked for, and not agents by name.

    `broken` are the definitions with errors: their agents are shown where they run.
    """

    places: tuple[Place, ...]
    agents: tuple[Agent, ...]
    whole: bool
    broken: tuple[str, ...]


def choose(fleet: Fleet, names: Sequence[str], pool: str, environment: str, prometheus: str = "") -> Chosen:
    """The agents of `names`, of a pool, or all, in one environment or all. Raises LookupError with a sentence."""
    _known(fleet, names, pool, environment)
    paths, gone = _paths(fleet, names, pool)
    environments = [environment] if environment else list(fleet.catalog.environments)
    asked = {pool} if pool else {agent_of(path)[0] for path in paths} | {of for of, _ in gone}
    found = places(fleet.catalog, environments, prometheus)
    if pool or names:
        found = [narrow for one in found if (narrow := _narrowed(one, asked)).pools]
    agents, broken = defined_agents(fleet, found, paths)
    for of, name in gone:
        agents += [undefined(one, space, name) for one in found for space, held in one.pools.items() if held == of]
    if names and not agents and not broken:
        raise LookupError(f"{', '.join(names)}: runs nowhere{f' in {environment}' if environment else ''}")
    return Chosen(tuple(found), tuple(agents), not names, tuple(broken))


def _known(fleet: Fleet, names: Sequence[str], pool: str, environment: str) -> None:
    if names and pool:
        raise LookupError("name agents, or a pool with --pool, and not both")
    for kind, name, known in (
        ("pool", pool, fleet.catalog.pools),
        ("environment", environment, fleet.catalog.environments),
    ):
        if name and name not in known:
            raise LookupError(f"no {kind} {name!r}.{nearest(name, known) or f' There is: {one_of(known)}.'}")


def _paths(fleet: Fleet, names: Sequence[str], pool: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The definitions that are meant; and pool and name of agents that have none, but may still be in a cluster."""
    if not names:
        return [path for path in fleet.definitions if not pool or agent_of(path)[0] == pool], []
    paths: list[str] = []
    gone: list[tuple[str, str]] = []
    for name in dict.fromkeys(names):
        try:
            paths.append(fleet.find(name))
        except LookupError:
            of, slash, rest = name.partition("/")
            if not slash or of not in fleet.catalog.pools or "/" in rest:
                raise
            gone.append((of, rest))
    return list(dict.fromkeys(paths)), gone


def _narrowed(place: Place, pools: set[str]) -> Place:
    """The place with just these of its pools."""
    return replace(place, pools={space: pool for space, pool in place.pools.items() if pool in pools})
