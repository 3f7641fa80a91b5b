"""Who else in the fleet holds the secrets of an agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components.definition.load_catalog import Catalog
from components.facts import Facts
from components.resolve.resolved import ResolvedAgent

_NAMED = 2


def other_holders(agent: ResolvedAgent, known: Iterable[Facts], catalog: Catalog) -> Mapping[str, str]:
    """For each reference of the agent's secrets that others hold too: who, in words.

    `known` are the facts of the fleet. The same reference in another store is another secret.
    """
    stores = {name: of.secrets.store.model_dump_json() for name, of in catalog.environments.items()}
    mine = {one.reference for one in agent.secrets}
    found: dict[str, set[str]] = {}
    for of in known:
        if stores[of.environment] != stores[agent.environment]:
            continue
        who = of.key if of.environment == agent.environment else f"{of.key} in {of.environment}"
        for secret in of.secrets:
            reference = secret.split("=", 1)[1]
            if reference in mine and (of.key, of.environment) != (agent.key, agent.environment):
                found.setdefault(reference, set()).add(who)
    return {reference: f"also held by {_names(sorted(who))}" for reference, who in found.items()}


def _names(who: list[str]) -> str:
    more = f" and {len(who) - _NAMED:,} more" if len(who) > _NAMED else ""
    return ", ".join(who[:_NAMED]) + more
