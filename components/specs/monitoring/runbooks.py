"""Runbooks: one page an alert, for whoever is woken. Markdown, made from what the alert itself says."""

from __future__ import annotations

from collections.abc import Iterable

from components.specs.monitoring.alert import Alert, Step
from components.specs.monitoring.written_alerts import PAGE

INDEX = "README.md"
_ORDER = ("critical", "warning", "info")
_ABOUT = {"agent": "an agent", "pool": "a pool", "platform": "the platform"}
_WRITTEN = """\
# Alerts of an agent's own

An author wrote this alert: `alert_rules` in the agent's definition, `agents/<pool>/<agent>.yaml`. Its summary says what
it means, and it has no page of its own.

## Look

1. Read what it measures, and since when it is so.

   ```sh
   roster explain <pool>/<agent> -e <environment>
   ```

2. Read the agent's log.

   ```sh
   roster logs <pool>/<agent> -e <environment>
   ```

## Act

Ask the owner, who is named in the alert, and give the alert a `runbook`: a Markdown file beside the definition.
"""


def runbooks(alerts: Iterable[Alert]) -> dict[str, str]:
    """Every page: name of the file → Markdown; the index besides."""
    found = {f"{one.name}.md": _page(one) for one in alerts}
    return {**found, f"{PAGE}.md": _WRITTEN, INDEX: _index(alerts)}


def _page(alert: Alert) -> str:
    holds = _holds(alert)
    threshold = _threshold(alert)
    lines = [
        f"# {alert.name}",
        "",
        f"**{alert.severity}** · about {_ABOUT[alert.scope]} · cause: {alert.cause}{holds}",
        "",
        alert.runbook.meaning,
        "",
        f"**What it does to users.** {alert.runbook.impact}",
        *threshold,
        *_steps("Look", alert.runbook.look),
        *_steps("Act", alert.runbook.act),
        "",
        "## What it looks at",
        "",
        "```promql",
        _shown(alert.expression),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _shown(expression: str) -> str:
    """The expression as one types it into Prometheus: without whom it covers, which the rule adds."""
    shown = expression.replace("exported_<where>", "<where>")
    shown = shown.replace("{<where>}", "").replace("<where>,", "").replace(",<where>", "")
    return shown.replace("<limit>", "…")


def _holds(alert: Alert) -> str:
    if alert.threshold.endswith("_minutes"):
        return f" · after `{alert.threshold}`"
    return f" · after {alert.minutes} minutes" if alert.minutes else ""


def _threshold(alert: Alert) -> list[str]:
    if not alert.threshold:
        return []
    if alert.scope == "agent":
        where = (
            f"`alerts.{alert.threshold}`: for all agents in `agents/catalog/settings.yaml`, for one in its definition"
        )
    else:
        where = f"`monitoring.thresholds.{alert.threshold}` in `agents/catalog/settings.yaml`"
    return ["", f"**Where the limit is.** {where}."]


def _steps(title: str, steps: Iterable[Step]) -> list[str]:
    lines: list[str] = []
    for number, step in enumerate(steps, 1):
        lines += ["", f"{number}. {step.text}"]
        if step.command:
            lines += ["", "   ```sh", *(f"   {line}" for line in step.command.splitlines()), "   ```"]
    return ["", f"## {title}", *lines] if lines else []


def _index(alerts: Iterable[Alert]) -> str:
    rows = sorted(alerts, key=lambda one: (_ORDER.index(one.severity), one.scope, one.name))
    lines = [
        "# Runbooks",
        "",
        "One page an alert. They are generated from `components/specs/monitoring/` by `roster runbooks`.",
        "In commands, `<agent>`, `<pool>`, `<namespace>` and `<environment>` stand for the labels of the alert.",
        "",
        "| alert | severity | about | cause | what it means |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| [{one.name}]({one.name}.md) | {one.severity} | {one.scope} | {one.cause} | {one.runbook.meaning} |"
            for one in rows
        ),
        f"| [an agent's own]({PAGE}.md) | as written | agent | own | An author wrote it. |",
    ]
    return "\n".join(lines) + "\n"
