"""What the examples of rules are about: an agent, a pool and a catalog in memory, resolved like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from components.definition.findings import errors
from components.definition.load_agent import load_agent
from components.definition.load_catalog import Catalog, load_catalog
from components.definition.places import CATALOG
from components.definition.tree import AGENTS, MemoryTree
from components.resolve import ResolvedAgent, resolve
from policies.rule import Subject

ENVIRONMENT = "prod"
POOL = "business"
_CATALOG = {
    "settings": """\
version: 1
registry: registry.example.com/roster
base_images: {python: {image: docker.io/library/python:3.11-slim}}
prices: {currency: USD, cpu_core_month: 24, memory_gib_month: 3, storage_gib_month: 0.1}
gateway: {name: public, namespace: gateway, labels: {role: api-gateway}}
scraper: {namespace: monitoring, labels: {app.kubernetes.io/name: prometheus}}
dns: {namespace: kube-system, labels: {k8s-app: kube-dns}}
runbooks: https://git.example.com/{alert}.md
alerts:
  {down_minutes: 2, error_rate_percent: 5, failed_executions_percent: 5, p95_seconds: 10, cpu_percent: 80,
   memory_percent: 85, queue_depth: 9, restarts_per_hour: 3, at_maximum_minutes: 15, volume_percent: 85,
   budget_percent: 90, cost_times: 3, cost_floor_per_hour: 1, safety_findings_per_hour: 50,
   rate_limited_per_minute: 60, unauthorized_per_minute: 30}
monitoring:
  owner: growth
  routing:
    {form: operator, slack: {secret: shared/alerting#slack, kind: token}, log: "https://alerts.example.com/log"}
""",
    "environments": """\
prod:
  description: Production.
  clusters: {eu: {context: prod-eu}}
  secrets:
    prefix: prod
    refresh_hours: 1
    store: {kind: vault, server: "https://vault.example.com", mount: agents, auth_mount: kubernetes, role: roster}
""",
    "teams": "growth: {description: Grows., slack: '#growth', reviewers: '@example/growth'}\n",
    "pools": """\
business: {description: Plans., owner: growth, quota: {cpu: "9", memory: 9Gi, pods: 90, storage: 9Gi}}
""",
    "tiers": """\
small:
  description: Small.
  priority: 1
  defaults: {resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 500m, memory: 512Mi}}}
""",
    "providers": """\
anthropic:
  description: Anthropic's API.
  hosts: [api.anthropic.com]
  secrets: {ANTHROPIC_API_KEY: shared/anthropic#api-key}
  models: {claude-sonnet-4-5: {input_per_million: 3, output_per_million: 15, max_output_tokens: 64000}}
""",
    "runtimes": """\
fastapi:
  description: Answers.
  build: fastapi
  base_image: python
  port: 8080
  probes: {liveness: /health, readiness: /health/ready}
  metrics_path: /metrics
  config: {mount: /etc/agent, settings: settings.json, prompt: prompt.md}
  defaults: {tier: small, scaling: {min: 1, max: 1}}
""",
}
_AGENT = """\
version: 1
description: Plans.
owner: growth
runtime: fastapi
model: {name: claude-sonnet-4-5}
prompt: {text: You plan.}
secrets: {CRM_API_KEY: business/crm#api-key}
exposure: {host: plans.example.com, path: /, callers: [gateway]}
"""
_PATH = f"{AGENTS}/{POOL}/planner.yaml"
NAME = "planner"


@cache
def _resolved() -> tuple[ResolvedAgent, Catalog]:
    files = {f"{CATALOG}/{name}.yaml": text.encode() for name, text in _CATALOG.items()}
    tree = MemoryTree({**files, _PATH: _AGENT.encode(), "components/images/fastapi/Dockerfile": b"FROM python\n"})
    listing = tree.files(AGENTS)
    catalog, findings = load_catalog(tree, listing)
    if catalog is None or errors(findings):
        raise ValueError("\n".join(map(str, findings)))
    agent, findings = load_agent(tree, _PATH, frozenset(listing.files))
    resolved, more = resolve(agent, ENVIRONMENT, catalog, {}) if agent else (None, [])
    if resolved is None or errors([*findings, *more]):
        raise ValueError("\n".join(map(str, [*findings, *more])))
    return resolved, catalog


def agent_subject(changes: Mapping[str, Any], team: Mapping[str, Any]) -> Subject:
    """The example agent, with other values in some fields of ResolvedAgent, and of the Team that owns it."""
    agent, catalog = _resolved()
    if team:
        teams = {name: one.model_copy(update=dict(team)) for name, one in catalog.entries["teams"].items()}
        catalog = replace(catalog, entries={**catalog.entries, "teams": teams})
    return Subject.of(replace(agent, **changes), catalog)


def pool_subject(changes: Mapping[str, Any]) -> Subject:
    """The example pool, in an environment with other values for some of its keys."""
    catalog = _resolved()[1]
    if changes:
        environments = catalog.entries["environments"]
        entry = environments[ENVIRONMENT]
        changed = type(entry).model_validate(entry.model_dump(exclude_unset=True) | dict(changes))
        entries = {**catalog.entries, "environments": {**environments, ENVIRONMENT: changed}}
        catalog = replace(catalog, entries=entries)
    return Subject(ENVIRONMENT, POOL, None, catalog)


def platform_subject(changes: Mapping[str, Any]) -> Subject:
    """The example fleet's platform, with other values for some keys of its settings."""
    catalog = _resolved()[1]
    if changes:
        settings = catalog.settings
        changed = type(settings).model_validate(settings.model_dump(exclude_unset=True) | dict(changes))
        catalog = replace(catalog, settings=changed)
    return Subject(ENVIRONMENT, "", None, catalog)
