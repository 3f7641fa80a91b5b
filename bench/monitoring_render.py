"""Measures what monitoring adds to `roster render`: the same fleet rendered with it and without, and prints the table.

usage: python -m bench.monitoring_render [--agents 1500] [--rounds 9] [--work FOLDER] [--write]

Without: the modules of `components.specs.monitoring` are replaced, before anything is imported, by ones that build
nothing, so that their imports do not count either. Rounds alternate; ratios are taken round by round, by processor time
and by the clock, and their median is given.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.abc
import importlib.machinery
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from bench.section import write_section

TOP = Path(__file__).parent.parent
_LEFT_OUT = "components.specs.monitoring"
_MOST = 0.10


class Nothing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives modules below `_LEFT_OUT` whose functions build nothing, and whose tables are empty."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """The module's, where it is left out."""
        left_out = name == _LEFT_OUT or name.startswith(f"{_LEFT_OUT}.")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if left_out else None

    def exec_module(self, module: ModuleType) -> None:
        """Fills it on demand."""
        module.__dict__["__getattr__"] = _nothing


def _nothing(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name.isupper():
        return ()
    return (lambda *_, **__: []) if name.endswith("manifests") else (lambda *_, **__: None)


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds with and without monitoring: of processors, and by the clock."""

    processor: tuple[float, float]
    clock: tuple[float, float]


def render_once(fleet: Path, output: Path, *, monitoring: bool) -> None:
    """Renders in this process, which has imported nothing of Roster yet."""
    if not monitoring:
        sys.meta_path.insert(0, Nothing())
    from ci.render import render
    from components.definition.tree import WorkTree
    from components.fleet import Fleet
    from components.specs import pool

    if not monitoring:
        whole = pool.pool_manifests
        pool.pool_manifests = lambda *given: [one for one in whole(*given) if one]
    render(Fleet.open(WorkTree(fleet)), "prod", output, "2027-01-01", processes=1)


def measured(work: Path, agents: int, rounds: int) -> list[Round]:
    """The rounds, after one that warms the file cache."""
    from bench.measured import measure

    run = [sys.executable, "-m", "bench.monitoring_render"]
    fleet = work / "fleet"
    measure([sys.executable, "-m", "bench.synthetic", str(fleet), str(agents)], TOP, work / "out")
    found = []
    for number in range(rounds + 1):
        with_, without = (
            measure([*run, "--once", how, str(fleet), str(work / f"{how}-{number}")], TOP, work / "out")
            for how in ("with", "without")
        )
        processor = (with_.user + with_.system, without.user + without.system)
        found.append(Round(processor, (with_.wall, without.wall)))
        print(f"round {number}: {found[-1]}", file=sys.stderr, flush=True)
    return found[1:]


def as_markdown(found: Sequence[Round], agents: int) -> str:
    """The table, with what was measured where."""
    busy = f"processes wanting a core over the last 15 minutes: {os.getloadavg()[2]:.1f}"
    day, cores = datetime.datetime.now(datetime.UTC).date(), len(os.sched_getaffinity(0))
    lines = [
        f"Measured on {day}: {cores} cores; {agents:,} agents, one process; medians of {len(found)} rounds; {busy}.",
        "",
        "| | with s | without s | added | wanted | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, pairs in (("processor", [one.processor for one in found]), ("clock", [one.clock for one in found])):
        added = statistics.median(with_ / without for with_, without in pairs) - 1
        both = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
        met = "yes" if added <= _MOST else "no"
        cells = " | ".join(f"{seconds:.2f}" for seconds in both)
        lines.append(f"| {name} | {cells} | {added:+.1%} | ≤ {_MOST:.0%} | {met} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--work", type=Path, help="existing folder to work in; a temporary one with none")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    parser.add_argument("--once", nargs=3, metavar=("HOW", "FLEET", "OUTPUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        how, fleet, output = given.once
        render_once(Path(fleet), Path(output), monitoring=how == "with")
        return
    with TemporaryDirectory(prefix="roster-monitoring-", dir=given.work) as folder:
        found = measured(Path(folder), given.agents, given.rounds)
    text = as_markdown(found, given.agents)
    print(text, flush=True)
    if given.write:
        write_section("monitoring", text)


if __name__ == "__main__":
    main()
