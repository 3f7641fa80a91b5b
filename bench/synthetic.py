"""Writes a synthetic fleet: as many agents as asked for, about eight objects each, in one environment.

usage: python bench/synthetic.py FOLDER AGENTS
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_POOLS = 10
_SERVICE = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1
description: Synthetic service {number}.
owner: team-{team}
runtime: fastapi
environments: [prod]
model:
  name: claude-sonnet-4-5
  max_tokens: {tokens}
  temperature: 0.{tenth}
prompt:
  text: |
    You are agent {number}.
    Answer in one short paragraph, and say when you do not know.
scaling: {{min: 2, max: {most}, cpu: 70}}
env:
  FEATURE_{tenth}: "on"
secrets:
  CRM_API_KEY: crm/agent-{number}#api-key
hosts: [api{tenth}.example.com]
"""


def write_fleet(folder: Path, agents: int, catalog: Path) -> None:
    """Writes `agents` definitions in ten pools below `folder`, with the catalog that they need."""
    (folder / "agents").mkdir(parents=True)
    shutil.copytree(catalog.parent.parent / "components" / "images", folder / "components" / "images")
    shutil.copytree(catalog, folder / "agents" / "catalog", ignore=shutil.ignore_patterns("waivers"))
    pools = [f"pool-{index}" for index in range(_POOLS)]
    teams = [f"team-{index}" for index in range(7)]
    (folder / "agents/catalog/pools.yaml").write_text("".join(map(_pool, pools)), "utf-8")
    (folder / "agents/catalog/teams.yaml").write_text("".join(map(_team, teams)), "utf-8")
    for pool in pools:
        (folder / "agents" / pool).mkdir()
    for number in range(agents):
        text = _SERVICE.format(
            number=number,
            team=number % len(teams),
            tokens=1000 + number % 3000,
            tenth=number % 10,
            most=3 + number % 5,
        )
        (folder / "agents" / pools[number % _POOLS] / f"agent-{number:05}.yaml").write_text(text, "utf-8")


def _pool(name: str) -> str:
    return (
        f"{name}:\n  description: Synthetic.\n  owner: team-0\n  environments: [prod]\n"
        '  quota: {cpu: "9000", memory: 9000Gi, pods: 3000, storage: 100Gi}\n  shards: {prod: 10}\n'
    )


def _team(name: str) -> str:
    return f'{name}:\n  description: Synthetic.\n  email: {name}@example.com\n  slack: "#{name}"\n  reviewers: "@example/{name}"\n'


if __name__ == "__main__":
    write_fleet(Path(sys.argv[1]), int(sys.argv[2]), Path(__file__).parent.parent / "agents" / "catalog")
