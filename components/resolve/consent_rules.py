"""What the catalog offers to some pools only: a priority, a runtime's or database's shared credential, a provider."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding, one_of
from components.definition.yaml_reader import KeyPath
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent


def consent_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """What the agent uses, by its own word or a default, and its pool may not."""
    for path, kind, name in _used(agent):
        allowed = layers.catalog.entries[kind][name].pools
        if allowed is not None and agent.pool not in allowed:
            message = (
                f"{'.'.join(map(str, path))}: {name} is for agents of {one_of(allowed)}, not of {agent.pool}; the "
                f"platform team lists pools under {name} in agents/catalog/{kind}.yaml"
            )
            if path == ("runtime",):  # not a setting, so no layer says it
                place = layers.agent.document.place(path)
                yield Finding(agent.file, *place, "not-for-pool", message, agent=layers.agent.key)
            else:
                yield layers.finding(path, "not-for-pool", message)


def _used(agent: ResolvedAgent) -> Iterator[tuple[KeyPath, str, str]]:
    yield ("runtime",), "runtimes", agent.runtime
    yield ("tier",), "tiers", agent.tier
    if agent.model and agent.model.provider:
        yield ("model",), "providers", agent.model.provider
    for name in agent.channels:
        yield ("channels", name), "channels", name
    for name in agent.plugins:
        yield ("plugins",), "plugins", name
    for name in agent.databases:
        yield ("storage", "databases"), "databases", name
    if agent.scaling.queue:
        yield ("scaling", "queue", "source"), "queues", agent.scaling.queue.source
