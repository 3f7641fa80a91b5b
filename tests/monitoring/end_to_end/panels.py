"""What the dashboards' queries give in the world of the end-to-end test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from dashboard_queries import dashboards, queries
from world import World

# The agent that has had every trouble that shows on its dashboard, and windows that the test's minutes fill.
VARIABLES = {
    "namespace": "business",
    "agent": "errs",
    "environment": "business|community|support",
    "environment:text": "prod",
}
SHORT = {"__rate_interval": "5m", "__interval": "1m", "__range": "30m"}


def answered(world: World) -> dict[str, int]:
    """Dashboard / panel / ref → how many series; queries in the language of logs are not asked."""
    asked = {
        f"{dashboard} / {one.panel} / {one.ref}": one.query
        for dashboard in dashboards()
        for one in queries(dashboard, VARIABLES | SHORT)
        if one.language == "promql"
    }
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(asked, pool.map(world.series, asked.values()), strict=True))
