"""An ExternalSecret uses its own namespace's store, and fills its own Secret."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, external_secret, of_agent, of_platform
from policies.manifest_reading import at, mapping, name_of
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    spec = mapping(manifest, "spec")
    if at(spec, "secretStoreRef", "kind") not in (None, "SecretStore"):
        yield f"it reads from a {at(spec, 'secretStoreRef', 'kind')}"
    target = at(spec, "target", "name")
    if subject.agent and (at(spec, "secretStoreRef", "name"), target) != (_STORE, subject.agent.name):
        yield f"it reads from the store {at(spec, 'secretStoreRef', 'name')} and fills the Secret {target}"
    catalog = subject.catalog
    if catalog and not subject.pool and subject.environment in catalog.environments:
        store = _STORE + (catalog.environments[subject.environment].namespace_suffix or "")
        if (at(spec, "secretStoreRef", "name"), target) != (store, name_of(manifest)):
            yield f"it reads from the store {at(spec, 'secretStoreRef', 'name')} and fills the Secret {target}"
    if at(spec, "target", "creationPolicy") not in (None, "Owner"):
        yield f"it has creationPolicy: {spec['target']['creationPolicy']}, and writes to a Secret of another"


# components.specs.names decides it; policies import nothing above resolve.
_STORE = "roster"


RULE = Rule(
    id="external-secret-own-store",
    severity="error",
    why="Another store reads as somebody else; another's Secret would be overwritten.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"ExternalSecret"}),
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    of_platform(external_secret()),
    of_agent(external_secret()),
    alone(external_secret()),
)
FAILING = (
    of_platform(external_secret(secretStoreRef={"kind": "SecretStore", "name": "other"})),
    of_platform(external_secret(target={"name": "other"})),
    alone(external_secret(secretStoreRef={"kind": "ClusterSecretStore", "name": "roster"})),
    of_agent(external_secret(secretStoreRef={"kind": "SecretStore", "name": "other"})),
    of_agent(external_secret(target={"name": "helper"})),
    alone(external_secret(target={"name": "planner", "creationPolicy": "Merge"})),
)
