"""Valid manifests, one or more a kind: CORE are Kubernetes' own, CUSTOM those of CRDs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "manifests"


def _read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))


CORE, CUSTOM = _read("core.yaml"), _read("custom.yaml")
# The core objects of one agent, for the measured rates.
MIX = (
    "Deployment",
    "Service",
    "ConfigMap",
    "ServiceAccount",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
