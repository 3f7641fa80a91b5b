"""Writes a synthetic fleet: as many agents as asked for, about eight objects each, in one environment.

usage: python -m bench.synthetic FOLDER AGENTS
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bench.recorded_images import record_images
from ci.schema_files import write_schemas
from components.definition.tree import WorkTree
from components.fleet import Fleet

ENVIRONMENT = "prod"
_BENCH = Path(__file__).parent
_LARGEST_POOL = 500
_TEAMS = 7
_HEAD = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1
description: Synthetic agent {number}.
owner: team-{team}
"""
_SERVICE = """\
runtime: fastapi
model: {{name: {model}, max_tokens: {tokens}, temperature: 0.{tenth}}}
prompt:
  text: |
    You are agent {number}.
    Answer in one short paragraph, and say when you do not know.
env:
  FEATURE_LEVEL: level-{tenth}
secrets:
  CRM_API_KEY: team-0/crm-{number}#api-key
hosts: [api-{tenth}.example.com]
"""
_CHARACTER = """\
runtime: eliza
model: {{name: {model}, max_tokens: {tokens}, temperature: 0.{tenth}}}
channels: {{discord: {{}}}}
character:
  inline:
    name: Character {number}
    bio:
      - Number {number} of many, and content with that.
      - Was a lighthouse keeper before.
    topics: [weather, tides, team-{team}]
    style:
      all: [short sentences, no exclamation marks]
"""
_SCALED = "scaling: {{min: 2, max: {most}, cpu: 70}}\n"
_FIXED = "scaling: {{min: 2, max: 2}}\n"
_EXPOSED = """\
exposure: {{host: agent-{number}.example.com, path: /api/v1}}
alerts: {{p95_seconds: {seconds}}}
budget: {{cost_per_day: 25}}
"""
# Of ten agents six are plain services (8 objects), two are reached from outside and have an alert of their own (10),
# one has fixed replicas (7), one is a character on a chat channel (6): 8.1 objects an agent.
_KINDS = (*[_SERVICE + _SCALED] * 6, *[_SERVICE + _SCALED + _EXPOSED] * 2, _SERVICE + _FIXED, _CHARACTER)
_MODELS = ("claude-sonnet-4-5", "claude-haiku-4-5")


def write_fleet(folder: Path, agents: int) -> None:
    """Writes `agents` definitions below `folder`, in pools of at most 500, with the catalog that they need."""
    catalog = folder / "agents" / "catalog"
    shutil.copytree(_BENCH / "catalog", catalog)
    shutil.copytree(_BENCH.parent / "components" / "images", folder / "components" / "images")
    pools = [f"pool-{index:02}" for index in range(max(3, -(-agents // _LARGEST_POOL)))]
    (catalog / "pools.yaml").write_text("".join(map(_pool, pools)), "utf-8")
    (catalog / "teams.yaml").write_text("".join(_team(f"team-{index}") for index in range(_TEAMS)), "utf-8")
    for pool in pools:
        (folder / "agents" / pool).mkdir()
    for number in range(agents):
        path = folder / "agents" / pools[number % len(pools)] / f"agent-{number:05}.yaml"
        path.write_text(definition(number), "utf-8")
    write_schemas(Fleet.open(WorkTree(folder)), folder)
    record_images(folder)


def definition(number: int) -> str:
    """The text of the definition of one agent; consecutive numbers give different kinds."""
    return (_HEAD + _KINDS[number // 3 % len(_KINDS)]).format(
        number=number,
        team=number % _TEAMS,
        model=_MODELS[number % len(_MODELS)],
        tokens=1000 + number % 3000,
        tenth=number % 10,
        most=3 + number % 3,
        seconds=11 + number % 20,
    )


def _pool(name: str) -> str:
    return (
        f"{name}:\n  description: Synthetic.\n  owner: team-0\n"
        '  quota: {cpu: "2000", memory: 4000Gi, pods: 3000, storage: 100Gi}\n  shards: {prod: 5}\n'
    )


def _team(name: str) -> str:
    return (
        f"{name}:\n  description: Synthetic.\n  email: {name}@example.com\n"
        f'  slack: "#{name}"\n  reviewers: "@example/{name}"\n'
    )


if __name__ == "__main__":
    write_fleet(Path(sys.argv[1]), int(sys.argv[2]))
