"""Rules of the alerts that an author wrote for one agent."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.places import beside
from components.resolve.own_alerts import of_agent
from components.resolve.resolved import ResolvedAgent
from components.specs.monitoring.links import links
from components.specs.names import Manifest

# The page for alerts whose author gives none.
PAGE = "OwnAlert"


def written_rules(agent: ResolvedAgent, labels: dict[str, str]) -> Iterator[Manifest]:
    """Alerting rules; `labels` are those of all alerts of the agent. The expression sees this agent's series only."""
    for name, alert in sorted(agent.alert_rules.items()):
        rule: Manifest = {"alert": name, "expr": of_agent(alert["expression"], agent.namespace, agent.name)}
        minutes = alert.get("minutes", 5)
        if minutes:
            rule["for"] = f"{minutes}m"
        rule["labels"] = {
            **labels,
            "agent_id": agent.name,
            "severity": alert.get("severity", "warning"),
            "scope": "agent",
            "cause": "own",
        }
        rule["annotations"] = {
            "summary": f"{agent.name}: {alert['summary']}",
            "runbook_url": _runbook(agent, alert.get("runbook", "")),
            **links("agent", "agent", agent.settings, rule["labels"]),
        }
        yield rule


def _runbook(agent: ResolvedAgent, given: str) -> str:
    if given.startswith("https://"):
        return given
    if given:
        return (agent.settings.monitoring.files or "").replace("{path}", beside(agent.file, given) or "")
    return agent.settings.runbooks.replace("{alert}", PAGE)
