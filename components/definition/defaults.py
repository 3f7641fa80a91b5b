"""What an agent is with nothing said: the lowest layer of precedence, below the catalog's runtime."""

from __future__ import annotations

from typing import Any

BUILT_IN: dict[str, Any] = {
    "tier": "small",
    "suspended": False,
    "restarts": 0,
    "scaling": {"min": 1, "max": 1, "cpu": 70},
    "probes": {"startup_seconds": 120},
    "model": {"max_tokens": 4096, "temperature": 0.7},
    "exposure": {"path": "/", "callers": ["gateway"]},
}
