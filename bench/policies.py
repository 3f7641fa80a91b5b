"""Measures what the policies cost: every object of a synthetic fleet judged by every rule, in one process.

usage: python -m bench.policies [--agents 1500] [--rounds 5] [--work FOLDER] [--write]

The fleet is that of the other benchmarks, in three environments instead of one. Objects are made before the clock
starts; what is timed is `policies.judge.Policies.judge` alone, and each rule by itself for its share. `roster check` is
run once as a whole, in its usual processes.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measured import measure
from bench.section import write_section
from bench.synthetic import write_fleet
from ci.schema_files import write_schemas
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from policies.judge import Policies
from policies.rule import Rule, Subject
from policies.rules import RULES

TOP = Path(__file__).parent.parent
ROSTER = Path(sys.executable).with_name("roster")
TODAY = "2027-01-01"
ENVIRONMENTS = ("dev", "staging", "prod")
MOST_SECONDS = 3.0
_SHOWN = 15

Work = list[tuple[list[Manifest], Subject]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds to judge the whole fleet, by processor and clock (medians), of each rule alone, and of `roster check`."""

    agents: int
    objects: int
    violations: int
    processor: float
    clock: float
    by_rule: dict[str, float]
    check: float


def three_environments(folder: Path) -> None:
    """Gives the fleet's one environment two siblings, each with its own cluster and its own secrets."""
    path = folder / "agents" / "catalog" / "environments.yaml"
    text = path.read_text("utf-8")
    path.write_text("".join(text.replace("prod", name) for name in ENVIRONMENTS), "utf-8")
    write_schemas(Fleet.open(WorkTree(folder)), folder)


def rendered(fleet: Fleet) -> Work:
    """The objects of every agent, pool and platform, with whose they are."""
    catalog = fleet.catalog
    work: Work = []
    for name in catalog.environments:
        work.append((platform_manifests(name, catalog), Subject(name, "", None, catalog)))
        work += [(pool_manifests(pool, name, catalog), Subject(name, pool, None, catalog)) for pool in catalog.pools]
    for path in fleet.definitions:
        examined = fleet.examine(path)
        if not examined.resolved:
            raise SystemExit("\n".join(map(str, examined.findings)))
        work += [(agent_manifests(agent), Subject.of(agent, catalog)) for agent in examined.resolved.values()]
    return work


def judged(work: Work, rules: Sequence[Rule]) -> int:
    """The violations that the rules find."""
    policies = Policies({}, TODAY, rules)
    return sum(len(policies.judge(manifests, subject)) for manifests, subject in work)


def seconds_of(what: Callable[[], object]) -> tuple[float, float]:
    """How long something takes, by processor and clock, without the pauses of the collector of garbage."""
    gc.collect()
    gc.disable()
    processor, clock = time.process_time(), time.perf_counter()
    what()
    taken = time.process_time() - processor, time.perf_counter() - clock
    gc.enable()
    return taken


def measured(folder: Path, agents: int, rounds: int) -> Measured:
    """All figures, of a fleet that is written below `folder`."""
    top = folder / "fleet"
    write_fleet(top, agents)
    three_environments(top)
    work = rendered(Fleet.open(WorkTree(top)))
    found = judged(work, RULES)
    rounds_taken = [seconds_of(lambda: judged(work, RULES)) for _ in range(rounds)]
    nothing, _ = seconds_of(lambda: judged(work, []))
    by_rule = {rule.id: max(0.0, seconds_of(partial(judged, work, [rule]))[0] - nothing) for rule in RULES}
    check = measure([ROSTER, "check"], top, folder / "check.txt").wall
    objects = sum(len(manifests) for manifests, _ in work)
    processor, clock = (statistics.median(one[which] for one in rounds_taken) for which in (0, 1))
    return Measured(agents, objects, found, processor, clock, by_rule, check)


def as_markdown(found: Measured, rounds: int) -> str:
    """The tables, with what was measured where."""
    busy = f"processes wanting a core over the last 15 minutes: {os.getloadavg()[2]:.1f}"
    day, cores = datetime.datetime.now(datetime.UTC).date(), len(os.sched_getaffinity(0))
    met = "yes" if found.processor <= MOST_SECONDS else "no"
    lines = [
        f"Measured on {day}: {cores} cores; medians of {rounds} rounds, one process; {busy}.",
        "",
        "| what | figure | wanted | met |",
        "| --- | --- | --- | --- |",
        f"| agents × environments | {found.agents:,} × {len(ENVIRONMENTS)} |  |  |",
        f"| objects | {found.objects:,} |  |  |",
        f"| rules | {len(found.by_rule)} |  |  |",
        f"| violations found | {found.violations:,} |  |  |",
        f"| all judged by all rules, seconds of a processor | {found.processor:.2f} | ≤ {MOST_SECONDS:.0f} | {met} |",
        f"| … by the clock | {found.clock:.2f} |  |  |",
        f"| `roster check` as a whole, all processes, seconds | {found.check:.2f} |  |  |",
        "",
        "| rule | share |",
        "| --- | --- |",
    ]
    whole = sum(found.by_rule.values()) or 1.0
    ranked = sorted(found.by_rule.items(), key=lambda item: -item[1])
    lines += [f"| `{name}` | {seconds / whole:.1%} |" for name, seconds in ranked[:_SHOWN]]
    lines.append(f"| the other {len(ranked) - _SHOWN} | {sum(one for _, one in ranked[_SHOWN:]) / whole:.1%} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="existing folder to work in; a temporary one with none")
    parser.add_argument("--write", action="store_true", help="put the tables into bench/README.md")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="roster-policies-", dir=given.work) as folder:
        found = measured(Path(folder), given.agents, given.rounds)
    text = as_markdown(found, given.rounds)
    print(text, flush=True)
    if given.write:
        write_section("policies", text)


if __name__ == "__main__":
    main()
