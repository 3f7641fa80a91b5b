"""Catalogs to route alerts by, alerts of every kind, and who must be told of each, said without reading the routes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from debian_programs import program
from small_fleet import catalog_files, fleet, tree

from components.definition.load_catalog import Catalog
from components.fleet import Fleet
from components.specs.monitoring.messages import templates_file
from components.specs.monitoring.routing import TEMPLATES_FILE

ROUTING = yaml.safe_load(catalog_files()["catalog/settings.yaml"])["monitoring"]["routing"]
SEVERITIES = ("critical", "warning", "info", "none", "")
ENVIRONMENTS = ("dev", "staging", "prod", "")
STRANGERS = ("nobody", "")
Labels = dict[str, str]


def catalog(teams: Mapping[str, Any] | None = None, **routing: Any) -> Catalog:
    """The fixture catalog with other routing and more teams; a key that is None is left out."""
    settings = {name: value for name, value in {**ROUTING, **routing}.items() if value is not None}
    block = f"monitoring: {json.dumps({'routing': settings})}\n"
    return fleet({}, {"settings.yaml": block, "teams.yaml": _entries(teams or {})}).catalog


def catalog_of_one_team() -> Catalog:
    """A catalog in which one team owns everything, and has a mail address only."""
    state = tree({})
    for path, data in state.contents.items():
        if path.startswith("agents/catalog/"):
            state.contents[path] = re.sub(rb"owner: \w+", b"owner: platform", data)
    team = {"description": "Everybody.", "email": "all@example.com", "reviewers": "@example/all"}
    state.contents["agents/catalog/teams.yaml"] = _entries({"platform": team}).encode()
    return Fleet.open(state).catalog


def many_teams(count: int) -> dict[str, Any]:
    """Teams that are reached in every way there is."""
    return {
        f"team-{number:02}": {
            "description": "One of many.",
            "email": f"team-{number:02}@example.com",
            "slack": f"#team-{number:02}",
            "pagerduty": f"team-{number:02}/pagerduty#key",
            "manager": f"head-{number:02}@example.com",
            "oncall": f"team-{number:02}/pagerduty#oncall",
            "reviewers": "@example/many",
        }
        for number in range(count)
    }


def _entries(entries: Mapping[str, Any]) -> str:
    return "".join(f"{name}: {json.dumps(entry)}\n" for name, entry in entries.items())


def alerts(catalog: Catalog) -> Iterator[Labels]:
    """Labels of alerts: each severity of each team, and of strangers, in each environment, and signs of life."""
    for severity, owner, environment in product(SEVERITIES, (*catalog.entries["teams"], *STRANGERS), ENVIRONMENTS):
        labels = {"alertname": "AgentDown", "severity": severity, "owner": owner, "environment": environment}
        yield {name: value for name, value in labels.items() if value}
    for environment in ENVIRONMENTS:
        labels = {"alertname": "Watchdog", "severity": "info", "owner": "platform", "environment": environment}
        yield {name: value for name, value in labels.items() if value}


def told(catalog: Catalog, labels: Labels) -> list[str]:
    """The receivers that must be told of an alert, in order."""
    environment, owner = labels.get("environment", ""), labels.get("owner", "")
    if labels["alertname"] == "Watchdog":
        return [f"dead-mans-switch-{environment}" if environment else "log"]
    if environment == "dev" or labels.get("severity") == "info":
        return ["log"]
    team = catalog.entries["teams"].get(owner)
    if labels.get("severity") not in ("critical", "warning"):
        return ["platform-warning"]
    if team is None:
        return [f"platform-{labels['severity']}"]
    if labels["severity"] == "warning":
        return [f"{owner}-warning"]
    escalated = [f"{owner}-{step}" for step in ("manager", "oncall") if getattr(team, step)]
    return [f"{owner}-critical", *escalated]


def amtool(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    """amtool's answer; `home` keeps its settings apart from the user's."""
    environment = {**os.environ, "HOME": str(home)}
    command = [program("amtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def written(config: dict[str, Any], folder: Path) -> Path:
    """The file of a configuration, with its templates beside it."""
    folder.mkdir(exist_ok=True)
    (folder / TEMPLATES_FILE).write_text(templates_file(), "utf-8")
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config, sort_keys=False, width=10_000), "utf-8")
    return file


def routed(file: Path, alerts: list[Labels]) -> list[list[str]]:
    """For each alert the receivers that amtool finds for it."""

    def ask(labels: Labels) -> list[str]:
        pairs = [f"{name}={value}" for name, value in labels.items()]
        done = amtool("config", "routes", "test", f"--config.file={file}", *pairs, home=file.parent)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().split(",")

    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(ask, alerts))
