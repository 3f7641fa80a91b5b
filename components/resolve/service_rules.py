"""What `service` says must hold with the rest of the agent."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding, nearest
from components.definition.objectives import LATENCY_BOUNDS
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent

# The service's own, with nothing said.
_QUEUE_SECONDS = 10
# Where in `service` a secret is named.
_SECRETS = (("auth", "api_keys"), ("limits", "redis"))


def service_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """Secrets that the agent does not have, and checks that have nothing to look for."""
    known = [one.env for one in agent.secrets]
    for part, key in _SECRETS:
        own = any(key in ((values.get("service") or {}).get(part) or {}) for values in layers.own)
        name = str((agent.service.get(part) or {}).get(key))
        if own and name not in known:
            message = (
                f"service.{part}.{key}: the agent has no secret {name}.{nearest(name, known)} Name it in `secrets`"
            )
            yield layers.finding(("service", part, key), "unknown-secret", message)
    yield from _grace(agent, layers)
    yield from _slowest(agent, layers)
    safety = agent.service.get("safety") or {}
    by_words = safety.get("moderation_by", "words") == "words"
    if safety.get("moderation", "off") != "off" and by_words and not safety.get("words"):
        message = "service.safety.moderation: there are no words to look for; give words, or moderation_by: provider"
        yield layers.finding(("service", "safety", "moderation"), "no-effect", message)
    if safety.get("moderation", "off") != "off" and not by_words and agent.provider and agent.provider.api != "openai":
        message = f"service.safety.moderation_by: the provider {agent.provider.api} judges no content; give words"
        yield layers.finding(("service", "safety", "moderation_by"), "no-effect", message)


def _slowest(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """Above its last bound a histogram does not know how slow an answer was."""
    seconds = agent.own_alerts.get("p95_seconds", 0)
    if agent.service and seconds >= LATENCY_BOUNDS[-1]:
        message = (
            f"alerts.p95_seconds: the runtime {agent.runtime} measures up to {LATENCY_BOUNDS[-1]:g} s, "
            f"so an alert above {seconds:g} s would never come"
        )
        yield layers.finding(("alerts", "p95_seconds"), "no-effect", message)


def _grace(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """A rollout cuts off what takes longer than a pod may take to stop."""
    seconds = (agent.service.get("timeouts") or {}).get("provider_seconds")
    waits = (agent.service.get("limits") or {}).get("queue_seconds", _QUEUE_SECONDS)
    if seconds is not None and seconds + waits > agent.grace_seconds:
        message = (
            f"service.timeouts.provider_seconds: {seconds:g} s for an answer and {waits:g} s in the queue are more "
            f"than the {agent.grace_seconds} s in which a pod of the runtime {agent.runtime} stops (grace_seconds)"
        )
        yield layers.finding(("service", "timeouts", "provider_seconds"), "out-of-range", message)
