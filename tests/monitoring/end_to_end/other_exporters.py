"""Exporters besides those of the cluster, all well: the names of their series are those of tests/monitoring/series."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from ci.reporting.gauges import AGENT_APPLIED, FINDINGS, GAUGES, JOB, LEAD_TIME, RUN_AGENTS, STACK_APPLIED, STACK_WANTED

Manifest = dict[str, Any]
SEVERITIES = ("critical", "high", "medium")
# Job → what it serves at this path. Those of databases are named by the fixture catalog.
PATHS = {
    "external-secrets": "/external-secrets",
    "agents-postgres-exporter": "/postgres",
    "platform-redis-exporter": "/redis",
    "pushgateway": "/pushgateway",
}


def text(path: str, objects: Iterable[Manifest], environments: Iterable[str]) -> str | None:
    """What is served at the path; None when it is none of these."""
    match path:
        case "/external-secrets":
            return "".join(_secret(one) for one in objects if one["kind"] == "ExternalSecret")
        case "/postgres":
            return "pg_up 1\npg_exporter_last_scrape_error 0\n"
        case "/redis":
            return "redis_up 1\nredis_connected_clients 3\n"
        case "/pushgateway":
            return "".join(_pushed(environment) for environment in environments)
    return None


def _secret(manifest: Manifest) -> str:
    meta = manifest["metadata"]
    found = ""
    for status, value in (("True", 1), ("False", 0)):
        labels = {"condition": "Ready", "name": meta["name"], "namespace": meta["namespace"], "status": status}
        found += f"externalsecret_status_condition{_shown(labels)} {value}\n"
    return found


def _pushed(environment: str) -> str:
    """What CI pushed after a run that went well; the values by the labels that each gauge has besides its group's."""
    now, key = time.time(), {"environment": environment, "job": JOB, "instance": ""}
    agents: dict[tuple[str, ...], float] = {("business", agent, "1f2e3d4"): now - 500 for agent in ("errs", "stops")}
    values: dict[str, dict[tuple[str, ...], float]] = {
        STACK_WANTED: {(): now - 600},
        STACK_APPLIED: {(): now - 500},
        AGENT_APPLIED: agents,
        RUN_AGENTS: {("deployed",): 2, ("failed",): 0},
        LEAD_TIME: {("0.5",): 240, ("0.95",): 420},
        # Of an image that nothing runs.
        FINDINGS: {("sha256:0123", "registry.example.com/roster/old", level): 1 for level in SEVERITIES},
    }
    lines = [f"push_time_seconds{_shown(key)} {now - 500}", f"push_failure_time_seconds{_shown(key)} 0"]
    for name, of in values.items():
        group = key | ({"stack": f"{environment}.business.0"} if name in (STACK_WANTED, STACK_APPLIED) else {})
        own = GAUGES[name][1]
        lines += [
            f"{name}{_shown(group | dict(zip(own, labels, strict=True)))} {value}" for labels, value in of.items()
        ]
    return "\n".join(lines) + "\n"


def _shown(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
