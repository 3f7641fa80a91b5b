"""An ExternalSecret reads what the definition and the catalog name, and what its pool may name."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.load_catalog import Catalog
from components.definition.secret_stores import FLAT_SEPARATOR, FLAT_STORES, SecretSettings
from components.resolve.resolved import ResolvedAgent, Secret
from components.resolve.secret_rules import may_name
from policies.example import external_secret, of_agent, of_platform
from policies.manifest_reading import mappings, text
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent, catalog = subject.agent, subject.catalog
    if catalog is not None and not subject.pool and subject.environment in catalog.environments:
        yield from _of_platform(manifest, catalog, catalog.environments[subject.environment].secrets)
    if agent is None or catalog is None:
        return
    flat = isinstance(agent.secret_settings.store, FLAT_STORES)
    explained = {one.env: one for one in agent.secrets}
    for entry in mappings(manifest, "spec", "data"):
        env, key = text(entry, "secretKey"), text(entry, "remoteRef", "key")
        secret = explained.get(env)
        path = (secret.path.replace("/", FLAT_SEPARATOR) if flat else secret.path) if secret else None
        if secret is None or key != path or text(entry, "remoteRef", "property") != secret.key:
            yield f"{env} is read from {key or 'nowhere'}, which the definition does not explain"
        elif _of_the_definition(secret) and not may_name(_without_prefix(secret.path, agent), agent.pool, catalog):
            yield f"{env} is read from {key}, which is not the pool's"


def _of_platform(manifest: Manifest, catalog: Catalog, settings: SecretSettings) -> Iterator[str]:
    routing, teams = catalog.settings.monitoring.routing, catalog.entries["teams"].values()
    named = [routing.slack.secret] if routing and routing.slack else []
    named += [routing.smtp.password or ""] if routing and routing.smtp else []
    named += [reference for team in teams for reference in (team.pagerduty, team.oncall) if reference]
    prefix, flat = f"{settings.prefix}/" if settings.prefix else "", isinstance(settings.store, FLAT_STORES)
    known = set()
    for reference in named:
        path, _, key = reference.partition("#")
        known.add(((prefix + path).replace("/", FLAT_SEPARATOR) if flat else prefix + path, key))
    for entry in mappings(manifest, "spec", "data"):
        asked = text(entry, "remoteRef", "key"), text(entry, "remoteRef", "property")
        if asked not in known:
            yield f"{text(entry, 'secretKey')} is read from {asked[0] or 'nowhere'}, which the catalog does not name"


def _of_the_definition(secret: Secret) -> bool:
    return secret.source == "the agent" or secret.source.startswith("channel ")


def _without_prefix(path: str, agent: ResolvedAgent) -> str:
    prefix = agent.secret_settings.prefix
    return path.removeprefix(f"{prefix}/") if prefix else path


RULE = Rule(
    id="external-secret-owned",
    severity="error",
    why="Whoever can name another's path in the store has its credential.",
    fix=(
        "Name secrets below the pool's or its owner's name; the platform team adds other paths to the pool's "
        "secret_paths."
    ),
    kinds=frozenset({"ExternalSecret"}),
    judge=_judge,
    field=("secrets",),
    source="NSA/CISA 2022, Network separation and hardening, Secrets",
)


def _entry(env: str, path: str) -> Manifest:
    return {"secretKey": env, "remoteRef": {"key": path, "property": "api-key"}}


PASSING = (
    of_platform(
        external_secret({"secretKey": "slack", "remoteRef": {"key": "prod/shared/alerting", "property": "slack"}})
    ),
    of_agent(external_secret()),
    of_agent(external_secret(_entry("CRM_API_KEY", "prod/business/crm"))),
    of_agent(external_secret(_entry("ANTHROPIC_API_KEY", "prod/shared/anthropic"))),
)
FAILING = (
    of_platform(external_secret(_entry("slack", "prod/business/crm"))),
    of_platform(external_secret({"secretKey": "slack", "remoteRef": {"key": "prod/shared/alerting"}})),
    of_agent(external_secret(_entry("CRM_API_KEY", "prod/support/crm"))),
    of_agent(external_secret(_entry("OTHER", "prod/business/crm"))),
    of_agent(
        external_secret({"secretKey": "CRM_API_KEY", "remoteRef": {"key": "prod/business/crm", "property": "root"}})
    ),
    of_agent(
        external_secret(_entry("CRM_API_KEY", "prod/support/crm")),
        secrets=(Secret("CRM_API_KEY", "prod/support/crm", "api-key", "the agent"),),
    ),
    of_agent(external_secret({"secretKey": None, "remoteRef": None})),
)
