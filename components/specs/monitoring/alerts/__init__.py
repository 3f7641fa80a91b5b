"""All alerts, by subject. The order is that of the rules."""

from components.specs.monitoring.alert import Alert
from components.specs.monitoring.alerts import (
    availability,
    databases,
    delivery,
    platform,
    pools,
    prometheus,
    requests,
    resources,
    secrets,
    security,
    settings,
    slo,
    spending,
    starting,
)

ALERTS: tuple[Alert, ...] = (
    *availability.ALERTS,
    *starting.ALERTS,
    *requests.ALERTS,
    *resources.ALERTS,
    *settings.ALERTS,
    *spending.ALERTS,
    *security.ALERTS,
    # After those of agents, which they count.
    *pools.ALERTS,
    *slo.ALERTS,
    *secrets.ALERTS,
    *databases.ALERTS,
    *delivery.ALERTS,
    *platform.ALERTS,
    *prometheus.ALERTS,
)
