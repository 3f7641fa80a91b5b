"""Every alert that Roster ships: Prometheus', and those of Loki's ruler."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert
from components.specs.monitoring.alerts import ALERTS
from components.specs.monitoring.log_alerts import LOG_ALERTS

ALL_ALERTS: tuple[Alert, ...] = (*ALERTS, *LOG_ALERTS)
