"""Logs: the collector's configuration, and the alerts of Loki's ruler. Both are made where `monitoring.logs` is."""

from __future__ import annotations

from components.definition.load_catalog import Catalog
from components.definition.logs import LogSettings
from components.definition.platform_settings import PlatformSettings
from components.manifest_yaml import dump_all
from components.specs.monitoring.alert import Alert
from components.specs.monitoring.alloy_config import alloy_config
from components.specs.monitoring.links import alert_annotations
from components.specs.monitoring.log_alerts import LOG_ALERTS
from components.specs.names import PREFIX, Manifest, namespace

# Loki's sidecar takes ConfigMaps with this label, as its chart sets it up.
RULE_LABEL = {"loki_rule": "1"}


def log_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """The collector's configuration and Loki's rules of an environment; nothing without `monitoring.logs`."""
    logs = catalog.settings.monitoring.logs
    namespaces = _namespaces(environment, catalog)
    if logs is None or not namespaces:
        return []
    suffix = catalog.environments[environment].namespace_suffix or ""
    where = catalog.settings.monitoring.namespace or catalog.settings.scraper.namespace
    collector = alloy_config(environment, namespaces, logs)
    rules = dump_all([log_rules(environment, namespaces, catalog.settings, logs)])
    return [
        _config_map(f"alloy-agents{suffix}", where, {f"agents{suffix}.alloy": collector}, {}),
        _config_map(f"loki-rules-agents{suffix}", where, {f"agents{suffix}.yaml": rules}, RULE_LABEL),
    ]


def log_rules(environment: str, namespaces: list[str], settings: PlatformSettings, logs: LogSettings) -> Manifest:
    """The file of rules of Loki's ruler; its form is Prometheus', its expressions are LogQL."""
    rules = [_rule(alert, environment, namespaces, settings, logs) for alert in LOG_ALERTS]
    return {"groups": [{"name": f"{environment}.logs", "interval": "1m", "rules": rules}]}


def _rule(
    alert: Alert, environment: str, namespaces: list[str], settings: PlatformSettings, logs: LogSettings
) -> Manifest:
    where = f'environment="{environment}",namespace=~"{"|".join(namespaces)}"'
    rule: Manifest = {
        "alert": alert.name,
        "expr": alert.expression.replace("<where>", where).replace("<limit>", str(logs.error_lines)),
    }
    if alert.minutes:
        rule["for"] = f"{alert.minutes}m"
    # Namespace, pool, owner and agent_id are labels of the logs themselves.
    rule["labels"] = {
        "environment": environment,
        "severity": alert.severity,
        "scope": alert.scope,
        "cause": alert.cause,
    }
    of_the_line = {name: f"{{{{ $labels.{name} }}}}" for name in ("namespace", "pool")}
    rule["annotations"] = alert_annotations(alert, settings, of_the_line)
    return rule


def _namespaces(environment: str, catalog: Catalog) -> list[str]:
    entry = catalog.environments[environment]
    return sorted(
        namespace(name, pool, entry)
        for name, pool in catalog.pools.items()
        if environment in catalog.pool_environments(name)
    )


def _config_map(name: str, where: str, data: dict[str, str], labels: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": where,
            "labels": {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX, **labels},
        },
        "data": data,
    }
