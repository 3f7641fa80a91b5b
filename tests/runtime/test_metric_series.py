"""The catalog names the series that the service exposes: authors' alerts are held against what it says there."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import yaml
from agent_service import Service, settings
from stand_in_process import StandIn

CATALOG = Path(__file__).parents[2] / "agents/catalog/runtimes.yaml"
_HELP = re.compile(r"^# HELP (agent_\w+) ", re.MULTILINE)


def test_the_catalog_names_the_series_of_the_service_with_their_labels(
    service_process: Service, provider: StandIn
) -> None:
    service = service_process
    service.adopt(settings(provider.url))
    service.post()
    service.post({"task_description": ""})
    text = httpx.get(f"{service.url}/metrics", timeout=20).text
    named = yaml.safe_load(CATALOG.read_text("utf-8"))["fastapi"]["series"]
    assert set(_HELP.findall(text)) == set(named)
    for metric, labels in named.items():
        for found in re.findall(rf"^{metric}(?:_count)?{{(.*)}} ", text, re.MULTILINE):
            assert re.findall(r"(\w+)=", found) == ["agent_id", *labels], metric
    assert {metric for metric in named if re.search(rf"^{metric}(_count)?{{", text, re.MULTILINE)} >= {
        "agent_requests_total",
        "agent_errors_total",
        "agent_processing_seconds",
    }
