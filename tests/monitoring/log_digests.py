"""Digests of what Alloy and Loki are given. ci/monitoring_test.sh writes them once their code took it all."""

from __future__ import annotations

import hashlib
from pathlib import Path

from components.definition.logs import LogSettings
from components.specs.monitoring.alloy_config import alloy_config
from components.specs.monitoring.log_alerts import LOG_ALERTS


def digests() -> list[str]:
    """Of the collector's configuration, and of each alert's expression."""
    settings = LogSettings.model_validate({"loki": "http://loki.example.com", "labels": ["runtime"]})
    texts = [alloy_config("prod", ["pool"], settings), *(alert.expression for alert in LOG_ALERTS)]
    return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]


if __name__ == "__main__":
    Path(__file__).with_name("logs_checked.txt").write_text("\n".join(digests()) + "\n", "utf-8")
