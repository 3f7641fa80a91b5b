"""PrometheusRules: one set a pool, written by agent; a small one for an agent that differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from components.definition.catalog import Tier
from components.definition.platform_settings import PlatformSettings
from components.resolve.resolved import ResolvedAgent
from components.specs.monitoring.alert import Alert
from components.specs.monitoring.alerts import ALERTS
from components.specs.monitoring.links import alert_annotations
from components.specs.monitoring.objectives import BUDGET_INTERVAL, INTERVAL, recorded_hourly, recorded_objectives
from components.specs.monitoring.recorded import OWNER, RECORDED, Recorded
from components.specs.monitoring.written_alerts import written_rules
from components.specs.names import PREFIX, Manifest, metadata

# An agent's own rule leaves this series, and the pool's rule looks away from agents that have it.
OWN = f"{PREFIX}_own_alert"


def own_rules(agent: ResolvedAgent) -> Manifest | None:
    """The rules of an agent whose thresholds differ from its pool's, or that has alerts of its own; else None."""
    chosen = [alert for alert in ALERTS if _differs(alert, agent)]
    if not (chosen or agent.alert_rules) or agent.suspended:
        return None
    rules: list[Manifest] = [
        {
            "record": OWN,
            "expr": "vector(1)",
            "labels": {"agent_id": agent.name, "alert": alert.name, "namespace": agent.namespace},
        }
        for alert in chosen
    ]
    where = f'namespace="{agent.namespace}",agent_id="{agent.name}"'
    labels = {"environment": agent.environment, "pool": agent.pool, "owner": agent.owner, "namespace": agent.namespace}
    rules += [alert_rule(alert, where, agent.alerts, labels, agent.settings, own=True) for alert in chosen]
    rules += written_rules(agent, labels)
    return prometheus_rule(metadata(agent), [group(f"{agent.namespace}.{agent.name}", rules)])


def pool_rules(
    meta: Manifest,
    namespace: str,
    pool: str,
    owner: str,
    environment: str,
    settings: PlatformSettings,
    tiers: Mapping[str, Tier] | None = None,
) -> Manifest:
    """The rules of a pool: they cover all its agents, and look away from those with a rule of their own.

    With `tiers` the objectives of these are watched too.
    """
    where = f'namespace="{namespace}"'
    labels = {"environment": environment, "pool": pool, "owner": owner, "namespace": namespace}
    limits = shared_limits(settings)

    def alerting(name: str) -> list[Manifest]:
        return [
            alert_rule(alert, where, limits, labels, settings)
            for alert in ALERTS
            if alert.scope in ("agent", "pool") and alert.group == name and limits.keys() >= alert.limits
        ]

    # One group: what is recorded is there when the alerts look at it.
    groups = [group(f"{namespace}.agents", [*recording(RECORDED, where), *alerting("")])]
    if objectives := recorded_objectives(tiers or {}):
        rules = [*recording(objectives, where), *alerting("objectives")]
        groups.append(group(f"{namespace}.objectives", rules, INTERVAL))
        groups.append(group(f"{namespace}.budgets", recording(recorded_hourly(tiers or {}), where), BUDGET_INTERVAL))
    return prometheus_rule(meta, groups)


def prometheus_rule(meta: Manifest, groups: list[Manifest]) -> Manifest:
    """A PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": meta,
        "spec": {"groups": groups},
    }


def group(name: str, rules: list[Manifest], interval: str = "") -> Manifest:
    """Rules that are evaluated one after the other; at Prometheus' own interval where none is given."""
    return {"name": name, **({"interval": interval} if interval else {}), "rules": rules}


def recording(series: Iterable[Recorded], where: str) -> list[Manifest]:
    """Recording rules; `where`: the matchers of whom they cover."""
    return [{"record": one.name, "expr": one.expression.replace("<where>", where)} for one in series]


def alert_rule(
    alert: Alert,
    where: str,
    limits: Mapping[str, float],
    labels: dict[str, str],
    settings: PlatformSettings,
    *,
    own: bool = False,
) -> Manifest:
    """One alerting rule. `limits`: threshold → value, those of the alert among them.

    `labels` are those of whom it covers; an alert by agent finds out its agent's owner itself.
    """
    expression = alert.expression.replace("<where>", where)
    for place, name in (("<limit>", alert.threshold), ("<floor>", alert.floor)):
        if name:
            expression = expression.replace(place, f"{limits[name]:.15g}")
    if alert.scope == "agent" and alert.limits and not own:
        expression = f'({expression}) unless on (namespace, agent_id) {OWN}{{alert="{alert.name}",{where}}}'
    owner = labels["owner"]
    if alert.scope == "agent" and not own:
        expression = _with_owner(expression, where)
        owner = f"{{{{ if $labels.owner }}}}{{{{ $labels.owner }}}}{{{{ else }}}}{owner}{{{{ end }}}}"
    minutes = int(limits[alert.threshold]) if alert.threshold.endswith("_minutes") else alert.minutes
    rule: Manifest = {"alert": alert.name, "expr": expression}
    if minutes:
        rule["for"] = f"{minutes}m"
    if alert.keep_minutes:
        rule["keep_firing_for"] = f"{alert.keep_minutes}m"
    rule["labels"] = {
        **labels,
        "owner": owner,
        "severity": alert.severity,
        "scope": alert.scope,
        "cause": alert.cause,
    }
    rule["annotations"] = alert_annotations(alert, settings, labels)
    return rule


def _with_owner(expression: str, where: str) -> str:
    """The expression, each of whose agents has its owner as a label; just one that nobody has seen has none."""
    owner = f"on (namespace, agent_id) {{}}{OWNER}{{{{{where}}}}}"
    return f"({expression}) * {owner.format('group_left (owner) ')} or ({expression}) unless {owner.format('')}"


def _differs(alert: Alert, agent: ResolvedAgent) -> bool:
    return agent.alerts.keys() >= alert.limits and not alert.limits.isdisjoint(agent.own_alerts)


def shared_limits(settings: PlatformSettings) -> dict[str, float]:
    """The thresholds that hold for all; an alert whose threshold is not there is not made."""
    return {
        **settings.monitoring.thresholds.model_dump(exclude_none=True),
        **settings.alerts.model_dump(exclude_none=True),
    }
