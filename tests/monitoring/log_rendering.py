"""What is shipped for logs, of the fixture catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from small_fleet import fleet

from components.specs.monitoring.logs import log_manifests

LOGS = {"loki": "http://loki-gateway.logging:80", "tenant": "agents", "credentials": {"file": "/etc/loki/token"}}


def config_maps(environment: str, catalog: Mapping[str, str] | None = None) -> dict[str, dict[str, str]]:
    """The data of each ConfigMap by its name."""
    found = log_manifests(environment, fleet({}, catalog).catalog)
    return {one["metadata"]["name"]: one["data"] for one in found}


def collector(environment: str) -> str:
    """The collector's configuration."""
    (text,) = next(data for name, data in config_maps(environment).items() if name.startswith("alloy-")).values()
    return text


def rules(environment: str) -> list[dict[str, Any]]:
    """The rules of Loki's ruler."""
    (text,) = next(data for name, data in config_maps(environment).items() if name.startswith("loki-")).values()
    (group,) = yaml.safe_load(text)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found
