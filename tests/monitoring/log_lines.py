"""Lines of both runtimes as they come out of a pod. elizaOS's are of a real start of 1.7.2, with LOG_JSON_FORMAT."""

from __future__ import annotations

import json
from typing import Any

ELIZA_JSON = (
    '{"v":1,"level":2,"levelName":"warn","name":"elizaos","hostname":"vm","msg":"No text model","args":[],"pid":40,'
    '"time":"2026-11-21T20:41:14+00:00","meta":{"pid":8921,"environment":"development","serverId":"c151a05f"}}'
)
ELIZA_PLAIN = (
    "Invalid Sentry Dsn: off",
    "\x1b[32mStartup successful!\x1b[0m",
    "  \x1b[1mhttp://localhost:53187/api/server/ping\x1b[22m\x1b[0m",
)
STARTER = (
    '{"timestamp":"2026-11-21T20:41:16.201Z","level":"error","message":"stopped by an error that nobody handles: E"}'
)


def fastapi_line(level: str = "INFO", **fields: Any) -> str:
    """A line as the FastAPI runtime writes it; tests/runtime/test_log_format.py holds its form."""
    line = {"timestamp": "2026-11-21T20:41:16.201Z", "level": level, "agent_id": "lead-scorer", "message": "Request"}
    return json.dumps(line | fields, separators=(",", ":"))


def pod(agent: str, container: str = "agent", number: int = 1) -> dict[str, str]:
    """What discovery finds of a pod of the agent."""
    meta = "__meta_kubernetes_"
    return {
        f"{meta}namespace": "business",
        f"{meta}pod_name": f"{agent}-7d9c-{number}",
        f"{meta}pod_uid": f"uid-{number}",
        f"{meta}pod_container_name": container,
        f"{meta}pod_label_roster_pool": "business",
        f"{meta}pod_label_app_kubernetes_io_name": agent,
        f"{meta}pod_label_roster_owner": "growth",
        f"{meta}pod_label_roster_runtime": "fastapi",
    }
