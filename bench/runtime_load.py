"""Loads the FastAPI service beside a bare FastAPI application that makes the same SDK call, and prints a table.

usage: python -m bench.runtime_load [--rounds 10] [--seconds 3] [--connections 32] [--requests 100000] [--write]

Behind both is the stand-in for the provider's API, which answers at once (`ci/stand_in/`). Rounds alternate between the
two; ratios and differences are taken round by round and their median is given, so that a busy machine slows down both.
`--requests 0` leaves the memory out.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.runtime_servers import TOP, Server, request_file, servers
from bench.section import write_section

_RATIO, _ADDED_MS, _GROWTH = 0.75, 5.0, 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """What one load of one server gave: answers a second, percentiles in ms, CPU of the server in ms an answer."""

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All rounds by server, at full and at half load, and the service's memory in MiB over so many requests."""

    full: dict[str, list[Round]]
    half: dict[str, list[Round]]
    half_rate: float
    memory: list[tuple[int, float]]


class Loader:
    """Runs the load generator in a process of its own."""

    def __init__(self, python: str, request: Path, connections: int) -> None:
        self._command = [python, str(TOP / "bench/load_client.py"), str(request)]
        self._connections = connections

    def load(self, server: Server, seconds: float, rate: float = 0.0) -> tuple[Round, int]:
        """One round, and how many requests it was. Exits when an answer was not a 200."""
        options = ["--connections", str(self._connections), "--seconds", str(seconds), "--rate", str(rate)]
        before = server.cpu_seconds()
        done = subprocess.run([*self._command, str(server.port), *options], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the load generator failed:\n{done.stderr[-2000:]}")
        said: dict[str, Any] = json.loads(done.stdout)
        if set(said["statuses"]) != {"200"}:
            sys.exit(f"{server.name} did not answer all with 200: {said['statuses']}")
        count = int(said["requests"])
        cpu = (server.cpu_seconds() - before) / count * 1000
        p50, p95, p99 = (said[name] * 1000 for name in ("p50", "p95", "p99"))
        return Round(count / said["seconds"], p50, p95, p99, cpu), count


def measured(loader: Loader, service: Server, bare: Server, rounds: int, seconds: float, requests: int) -> Figures:
    """Full load, half of what the slower one can do, and memory, in this order."""
    both = (bare, service)
    for server in both:
        loader.load(server, min(2.0, seconds))
    full: dict[str, list[Round]] = {server.name: [] for server in both}
    half: dict[str, list[Round]] = {server.name: [] for server in both}
    for _ in range(rounds):
        for server in both:
            full[server.name].append(loader.load(server, seconds)[0])
    rate = min(median(full[server.name], "rate") for server in both) / 2
    for _ in range(rounds):
        for server in both:
            half[server.name].append(loader.load(server, seconds, rate)[0])
    return Figures(full, half, rate, _memory(loader, service, requests))


def _memory(loader: Loader, service: Server, requests: int) -> list[tuple[int, float]]:
    """Requests so far and resident memory, about ten times."""
    found, done = [], 0
    while done < requests:
        done += loader.load(service, 10.0)[1]
        found.append((done, service.memory_mib()))
    return found


def median(rounds: Sequence[Round], name: str) -> float:
    """Of one figure."""
    return float(statistics.median(getattr(one, name) for one in rounds))


def as_markdown(figures: Figures) -> str:
    """The tables, with what was measured where."""
    # Round by round, since how busy the machine is changes from one to the next.
    full = list(zip(figures.full["service"], figures.full["bare"], strict=True))
    ratio = statistics.median(service.rate / bare.rate for service, bare in full)
    by_cpu = statistics.median(bare.cpu / service.cpu for service, bare in full)
    half = zip(figures.half["service"], figures.half["bare"], strict=True)
    added = statistics.median(service.p95 - bare.p95 for service, bare in half)
    rounds = len(figures.full["service"])
    busy = f"processes wanting a core over the last 15 minutes: {os.getloadavg()[2]:.1f}"
    day, cores = datetime.datetime.now(datetime.UTC).date(), len(os.sched_getaffinity(0))
    where = f"{cores} cores for the server, the stand-in and the load generator together"
    lines = [
        f"Measured on {day}: {where}; medians of {rounds} interleaved rounds; {busy}.",
        "",
        "| goal | wanted | measured | met |",
        "| --- | --- | --- | --- |",
        f"| throughput of a bare FastAPI application | ≥ {_RATIO:.0%} | {ratio:.0%} | {_met(ratio >= _RATIO)} |",
        f"| the same by the server's CPU time | — | {by_cpu:.0%} |  |",
        f"| added to P95 at half load | ≤ {_ADDED_MS:.0f} ms | {added:.1f} ms | {_met(added <= _ADDED_MS)} |",
    ]
    if figures.memory:
        (_, first), (count, last) = figures.memory[0], figures.memory[-1]
        flat = last <= first * (1 + _GROWTH)
        lines.append(f"| memory over {count:,} requests | flat | {first:.0f} → {last:.0f} MiB | {_met(flat)} |")
    lines += ["", "| load | server | answers/s | P50 ms | P95 ms | P99 ms | CPU ms an answer |", "|" + " --- |" * 7]
    for load, of in (("full", figures.full), (f"{figures.half_rate:.0f}/s", figures.half)):
        for name, found in of.items():
            cells = [f"{median(found, figure):.{digits}f}" for figure, digits in _COLUMNS]
            lines.append(f"| {load} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


_COLUMNS = (("rate", 0), ("p50", 1), ("p95", 1), ("p99", 1), ("cpu", 2))


def _met(yes: bool) -> str:
    return "yes" if yes else "no"


def main() -> None:
    """Measures, prints, and writes when asked to."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=3.0)
    arguments.add_argument("--connections", type=int, default=32)
    arguments.add_argument("--requests", type=int, default=100_000, help="for the memory")
    arguments.add_argument("--write", action="store_true", help="into bench/README.md")
    given = arguments.parse_args()
    command = ["bash", str(TOP / "ci/runtime_venv.sh")]
    python = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip().splitlines()[-1]
    with tempfile.TemporaryDirectory(prefix="roster-load-") as folder, servers(python, Path(folder)) as (service, bare):
        loader = Loader(python, request_file(Path(folder)), given.connections)
        figures = measured(loader, service, bare, given.rounds, given.seconds, given.requests)
    text = as_markdown(figures)
    print(text)
    if given.write:
        write_section("runtime", text)


if __name__ == "__main__":
    main()
