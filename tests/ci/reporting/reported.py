"""Deployments of a small fleet that are reported to a Pushgateway, and what it then has."""

from __future__ import annotations

import time
from pathlib import Path

from captures import Sample, samples
from running_exporters import metrics
from small_fleet import fleet
from stand_in import World, objects, steps

from ci.deploy.flow import Flow
from ci.deploy.report import Report
from ci.deploy.situation import situation
from ci.reporting.deployment import run_of
from ci.reporting.pushgateway import Pushgateway, open_pushgateway
from ci.reporting.telling import Telling
from components.definition.monitoring import MonitoringSettings
from components.stacks import all_stacks

TESTS = Path(__file__).parents[2]
POOLS = """\
business:
  description: One pool.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 3000, storage: 200Gi}
  shards: {dev: 2, prod: 2}
"""
# Debian's build keeps what was pushed in a file of the machine's.
IN_MEMORY = "--persistence.file="
CATALOG = fleet({}, {"pools.yaml": POOLS}).catalog
ENVIRONMENTS = ("dev", "prod")
NO_SETTINGS = MonitoringSettings.model_validate({})
AGENTS = ("ada", "dora", "emil", "hugo", "iris")
# Both shards of both environments have some.
STACKS = {"dev.business.0", "dev.business.1", "prod.eu.business.0", "prod.eu.business.1"}
COMMIT = "c0ffee0"


def opened(address: str, said: list[str] | None = None) -> Pushgateway:
    lines: list[str] = [] if said is None else said
    found = open_pushgateway({"ROSTER_PUSHGATEWAY": address}, NO_SETTINGS, lines.append)
    assert found
    return found


def pushed(gateway: Pushgateway, name: str, **labels: str) -> list[Sample]:
    """The series of that name, and with these labels."""
    found = [one for one in samples(metrics(gateway.address)) if one.name == name]
    return [one for one in found if all(one.label(label) == value for label, value in labels.items())]


def deploy(
    world: World, gateway: Pushgateway, frozen: dict[str, str] | None = None, top: Path = TESTS, kill: bool = False
) -> Report:
    """As `roster up` does it, with stand-ins for what an engine and a cluster would do."""
    shards = [stack.name for stack in world.shards()]
    offers, records = world.offers(), world.records(world.stacks)
    situations = [situation(name, CATALOG, offers, records, shards) for name in ENVIRONMENTS]
    telling = Telling(gateway, CATALOG, run_of(situations, frozen or {}, False, time.time()))
    telling.begin()
    hands = steps(world)
    report = hands.ledger.report
    if kill:
        return report
    Flow(CATALOG, hands, lambda line: None, frozen=frozen or {}).run(situations, {})
    telling.went(report, ENVIRONMENTS)
    telling.end(report, top, world.records)
    return report


def small_world() -> World:
    """Five agents in dev and prod, in two shards each; nothing is deployed yet."""
    made = World([one for one in all_stacks(CATALOG) if one.environment in ENVIRONMENTS])
    for name in AGENTS:
        for environment in ENVIRONMENTS:
            made.files[environment, "business", name] = objects(f"one {name}")
    return made
