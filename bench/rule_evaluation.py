"""Measures how long a real Prometheus takes to evaluate the rules of a large fleet, and prints the table.

usage: python -m bench.rule_evaluation [--agents 1500] [--pods 2] [--failing 0.01] [--minutes 8] [--write]

The fleet is the synthetic one. Its series are scraped every 30 seconds and its rules evaluated as rendered; figures are
taken once ranges of five minutes are full. Prometheus and the exporter share the machine's cores.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

from bench.section import write_section
from bench.synthetic import ENVIRONMENT, write_fleet
from bench.synthetic_series import TOP, Exporters, serving
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import agent_manifests, platform_manifests, pool_manifests

sys.path.append(str(TOP / "tests"))

from debian_programs import program

Manifest = dict[str, Any]
# Rules of one agent, as the synthetic fleet names them.
_OF_AN_AGENT = re.compile(r"pool-\d+\.agent-\d+")
INTERVAL = 30
_FULL_AFTER = 330
_SHARE = 0.1


@dataclass(slots=True)
class Figures:
    """Seconds an evaluation by group, one a round; seconds of the slowest rules; what Prometheus took."""

    agents: int
    failing: float
    largest: int
    rules: int = 0
    series: float = 0
    memory: float = 0
    cpu: float = 0
    groups: dict[str, list[float]] = field(default_factory=dict)
    intervals: dict[str, float] = field(default_factory=dict)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def rendered(folder: Path, agents: int) -> list[Manifest]:
    """Every object of the synthetic fleet."""
    write_fleet(folder, agents)
    fleet = Fleet.open(WorkTree(folder))
    found = [*platform_manifests(ENVIRONMENT, fleet.catalog)]
    for pool in fleet.catalog.pools:
        found += pool_manifests(pool, ENVIRONMENT, fleet.catalog)
    for path in sorted((folder / "agents").glob("pool-*/*.yaml")):
        examined = fleet.examine(str(path.relative_to(folder)), [ENVIRONMENT])
        found += agent_manifests(examined.resolved[ENVIRONMENT])
    return found


def measured(folder: Path, agents: int, pods: int, failing: float, minutes: float) -> Figures:
    """Renders, scrapes and evaluates for so many minutes."""
    objects = rendered(folder / "fleet", agents)
    rules = [one for one in objects if one["kind"] == "PrometheusRule"]
    sizes = [len(yaml.safe_dump(one, width=10_000).encode()) for one in rules]
    figures = Figures(agents, failing, max(sizes))
    names = frozenset(re.findall(r"container_\w+", str(rules)))
    exporters = Exporters(objects, pods, names, failing)
    with serving(exporters) as port, _prometheus(folder, rules, exporters, port) as address:
        _progress(f"{len(rules)} rule objects; waiting until ranges are full")
        time.sleep(_FULL_AFTER)
        rounds = max(3, round((minutes * 60 - _FULL_AFTER) / INTERVAL))
        before = _own(address)["process_cpu_seconds_total"]
        for number in range(rounds):
            time.sleep(INTERVAL)
            _round(address, figures)
            _progress(f"round {number + 1} of {rounds}: {sum(one[-1] for one in figures.groups.values()):.2f} s")
        own = _own(address)
        figures.cpu = (own["process_cpu_seconds_total"] - before) / (rounds * INTERVAL)
        figures.series, figures.memory = own["prometheus_tsdb_head_series"], own["process_resident_memory_bytes"]
        _slowest(address, figures)
    return figures


def _round(address: str, figures: Figures) -> None:
    """The last evaluation of each group."""
    for group in _api(address, "rules")["groups"]:
        figures.groups.setdefault(group["name"], []).append(group["evaluationTime"])
        figures.intervals[group["name"]] = group["interval"]


def _slowest(address: str, figures: Figures) -> None:
    groups = _api(address, "rules")["groups"]
    found = [
        (rule["evaluationTime"], f"{group['name']}: {rule['name']}") for group in groups for rule in group["rules"]
    ]
    figures.rules = len(found)
    figures.slowest = sorted(found, reverse=True)[:8]
    failed = [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]
    if failed:
        raise SystemExit(f"rules failed, the first one: {failed[0]}")
    recorded = {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "recording"}
    answer = _api(address, "label/__name__/values")
    figures.empty = sorted(name for name in recorded if name not in answer)


def _own(address: str) -> dict[str, float]:
    """Prometheus' own metrics that have no labels."""
    lines = httpx.get(f"{address}/metrics", timeout=30).text.splitlines()
    pairs = [line.split(" ") for line in lines if not line.startswith("#") and "{" not in line]
    return {name: float(value) for name, value in pairs}


def _api(address: str, path: str) -> Any:
    return httpx.get(f"{address}/api/v1/{path}", timeout=60).json()["data"]


@contextmanager
def _prometheus(folder: Path, rules: list[Manifest], exporters: Exporters, port: int) -> Iterator[str]:
    groups = [group for one in rules for group in one["spec"]["groups"]]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}, width=10_000), "utf-8")
    scrapes = [
        {
            "job_name": f"{job}{path.replace('/', '-')}",
            "honor_labels": True,
            "metrics_path": path,
            "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"job": job}}],
        }
        for job, paths in exporters.jobs().items()
        for path in paths
    ]
    times = {"scrape_interval": f"{INTERVAL}s", "evaluation_interval": f"{INTERVAL}s"}
    config = {"global": times, "rule_files": [str(folder / "rules.yaml")], "scrape_configs": scrapes}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config, width=10_000), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), *options, f"--web.listen-address={address}"], stderr=log, stdout=log
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def as_markdown(figures: Figures) -> str:
    """The table, with what was measured where."""
    own = [name for name in figures.groups if _OF_AN_AGENT.fullmatch(name)]
    shown = [name for name in figures.groups if name not in own]
    worst = max(max(times) / figures.intervals[name] for name, times in figures.groups.items())
    rounds = len(next(iter(figures.groups.values())))
    together = statistics.median(
        sum(times[number] / figures.intervals[name] for name, times in figures.groups.items())
        for number in range(rounds)
    )
    busy = f"processes wanting a core over the last 15 minutes: {os.getloadavg()[2]:.1f}"
    day, cores = datetime.datetime.now(datetime.UTC).date(), len(os.sched_getaffinity(0))
    met, small = worst <= _SHARE, figures.largest < 512 * 1024
    took = f"{figures.memory / 2**20:,.0f} MiB; {figures.cpu:.2f}"
    rules = f"{figures.rules:,} rules in {len(figures.groups):,} groups"
    head = (
        f"Measured on {day}: {cores} cores for Prometheus and the exporter together; {figures.agents:,} agents,"
        f" {figures.failing:.0%} of them failing; {rules}; {rounds} rounds; {busy}."
    )
    lines = [
        head,
        "",
        "| goal | wanted | measured | met |",
        "| --- | --- | --- | --- |",
        f"| slowest evaluation of any group, of its interval | ≤ {_SHARE:.0%} | {worst:.1%} | {_met(met)} |",
        f"| all groups together, of their intervals | — | {together:.1%} |  |",
        f"| largest rule object | < 512 KiB | {figures.largest / 1024:.0f} KiB | {_met(small)} |",
        f"| series | — | {figures.series:,.0f} |  |",
        f"| Prometheus: memory; cores, scraping included | — | {took} |  |",
        "",
        "| group | median ms | slowest ms | interval s |",
        "| --- | --- | --- | --- |",
    ]
    for name in shown:
        times = figures.groups[name]
        lines.append(_row(name, statistics.median(times), max(times), figures.intervals[name]))
    if own:
        medians = [statistics.median(figures.groups[name]) for name in own]
        slowest = max(max(figures.groups[name]) for name in own)
        lines.append(_row(f"one agent's own ({len(own)} groups)", statistics.median(medians), slowest, INTERVAL))
    return "\n".join(lines) + "\n"


def _row(name: str, middle: float, slowest: float, interval: float) -> str:
    return f"| {name} | {middle * 1000:,.1f} | {slowest * 1000:,.1f} | {interval:g} |"


def _met(yes: bool) -> str:
    return "yes" if yes else "no"


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1500)
    parser.add_argument("--pods", type=int, default=2, help="of each agent")
    parser.add_argument("--failing", type=float, default=0.01, help="share of agents with three alerts each")
    parser.add_argument("--minutes", type=float, default=8, help="of which five and a half fill the ranges")
    parser.add_argument("--work", type=Path, help="existing folder to work in; a temporary one with none")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="roster-rules-", dir=given.work) as folder:
        figures = measured(Path(folder), given.agents, given.pods, given.failing, given.minutes)
    text = as_markdown(figures)
    print(text, flush=True)
    for seconds, rule in figures.slowest:
        _progress(f"{seconds * 1000:8.1f} ms {rule}")
    if figures.empty:
        _progress(f"recorded, but without a sample: {', '.join(figures.empty)}")
    if given.write:
        write_section("rules", text)


if __name__ == "__main__":
    main()
