"""Ways from one dashboard to another: links at the top, and from a name in a panel to what it names."""

from __future__ import annotations

from typing import Any

from components.specs.monitoring.links import dashboard_uid

# In the order of the links at the top of each dashboard.
TITLES = {
    "overview": "Overview",
    "pool": "Pool",
    "agent": "Agent",
    "deployments": "Deployments",
    "cost": "Cost and tokens",
    "security": "Security",
}
_KEPT = "${__url_time_range}&${datasource:queryparam}"


def data_link(to: str, *, of_row: bool = False) -> dict[str, Any]:
    """A link to the pool or agent that a series' labels, or a table's row, name.

    `to`: pool, agent, or agent:LABEL where another label than agent_id has the agent's name.
    """
    name, _, label = to.partition(":")
    where = "__data.fields" if of_row else "__field.labels"
    variables = f"var-namespace=${{{where}.namespace}}"
    if name == "agent":
        variables += f"&var-agent=${{{where}.{label or 'agent_id'}}}"
    title = f"Dashboard of this {name}"
    return {"title": title, "url": f"/d/{dashboard_uid(name)}?{variables}&{_KEPT}", "targetBlank": False}
