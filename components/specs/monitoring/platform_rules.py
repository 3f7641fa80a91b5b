"""PrometheusRule of an environment's platform: what watches the watchers, and what no single pool answers for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from components.definition.load_catalog import Catalog
from components.definition.offers import Database
from components.specs.monitoring.alert import Alert
from components.specs.monitoring.alerts import ALERTS
from components.specs.monitoring.alerts.platform import AGENT_SERIES
from components.specs.monitoring.alerts.prometheus import JOBS
from components.specs.monitoring.rules import alert_rule, group, prometheus_rule, shared_limits
from components.specs.names import Manifest, namespace

_SEVERITIES = ("critical", "high", "medium", "low")
_UP = {"postgres": "pg_up", "redis": "redis_up"}


def platform_rules(meta: Manifest, environment: str, catalog: Catalog) -> Manifest | None:
    """The rules of an environment; None when no pool runs in it."""
    values = platform_values(environment, catalog)
    if not values["<namespaces>"]:
        return None
    where = f'namespace=~"{values["<namespaces>"]}"'
    labels = {"environment": environment, "owner": catalog.settings.monitoring.owner}
    limits = shared_limits(catalog.settings)
    # Environments that share a cluster, and so a Prometheus, each write a series of their own.
    jobs = {
        "record": JOBS.name,
        "expr": JOBS.expression.replace("<where>", where),
        "labels": {"environment": environment},
    }
    rules: list[Manifest] = [jobs]
    for alert in ALERTS:
        there = not alert.needs or getattr(catalog.settings.monitoring, alert.needs)
        if alert.scope == "platform" and there and limits.keys() >= alert.limits:
            for one, own_labels in _each(_filled(alert, values), environment, catalog):
                rules.append(alert_rule(one, where, limits, {**labels, **own_labels}, catalog.settings))
    return prometheus_rule(meta, [group(f"{environment}.platform", rules)])


def platform_values(environment: str, catalog: Catalog) -> dict[str, str]:
    """What stands for words in <…> in the platform's expressions and texts.

    <namespaces>, <images> and <severities> are regular expressions: of the namespaces of the environment's pools, of
    images whose containers expose the series of Roster's own runtimes, and of findings that the image gate would stop.
    """
    settings = catalog.settings
    namespaces = sorted(
        namespace(name, pool, catalog.environments[environment])
        for name, pool in catalog.pools.items()
        if environment in catalog.pool_environments(name)
    )
    builds = sorted(
        {
            runtime.build
            for runtime in catalog.entries["runtimes"].values()
            if runtime.build and runtime.metrics_path and AGENT_SERIES in (runtime.series or ())
        }
    )
    severities = _SEVERITIES[: _SEVERITIES.index(settings.images.gate.block_at) + 1]
    return {
        "<namespaces>": "|".join(namespaces),
        "<environment>": environment,
        "<gateway>": settings.gateway.namespace,
        # A digest or a tag is behind it; brackets need no backslashes, which PromQL would take for its own.
        "<images>": f"{settings.registry.replace('.', '[.]')}/({'|'.join(builds)})[@:].+",
        "<severities>": "|".join(severities),
    }


def _filled(alert: Alert, values: dict[str, str]) -> Alert:
    for word, value in values.items():
        alert = replace(
            alert,
            expression=alert.expression.replace(word, value),
            summary=alert.summary.replace(word, value),
            description=alert.description.replace(word, value),
        )
    return alert


def _each(alert: Alert, environment: str, catalog: Catalog) -> Iterator[tuple[Alert, dict[str, str]]]:
    """The alert as it is, or once for each database that an exporter watches in the environment, with its name."""
    if "<job>" not in alert.expression:
        yield alert, {}
        return
    for name, database in sorted(catalog.entries["databases"].items()):
        if _is_watched(database, environment):
            values = {"<job>": database.job or "", "<up>": _UP[database.exporter or ""], "<database>": name}
            yield _filled(alert, values), {"database": name}


def _is_watched(database: Database, environment: str) -> bool:
    return bool(database.exporter) and (database.watched_in is None or environment in database.watched_in)
