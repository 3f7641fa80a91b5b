"""The results as Markdown: what was measured, beside what it was meant to be."""

from __future__ import annotations

import datetime
import math
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from bench.measured import Run


@dataclass(slots=True)
class Results:
    """Medians by number of agents; `tools` are the paths of the programs compared with."""

    TOOLS: ClassVar[tuple[str, ...]] = ("helm", "kustomize", "kubeconform")

    runs: int
    sizes: list[int]
    tools: dict[str, Path]
    objects: dict[int, int] = field(default_factory=dict)
    render: dict[int, dict[str, Run]] = field(default_factory=dict)
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    kustomize: dict[str, Run] = field(default_factory=dict)
    schemas: dict[str, Run] = field(default_factory=dict)
    schemas_at: int = 0
    checker: float = 0.0
    help: Run | None = None
    one_change: dict[int, dict[str, Run]] = field(default_factory=dict)


def as_markdown(results: Results) -> str:
    """Everything, goals first."""
    parts = (_machine, _goals, _render, _kustomize, _schemas, _steps, _one_change)
    return "\n".join(part(results) for part in parts)


def _machine(results: Results) -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    tools = ", ".join(f"{name} {path.parent.name.partition('@')[2]}" for name, path in results.tools.items())
    return (
        f"Measured on {datetime.datetime.now(datetime.UTC).date()}, {cores} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, {tools}; medians of {results.runs} interleaved runs "
        f"(3 of the largest fleet, of kustomize, of the schemas and of the split). "
        f"Processes wanting a core, on average of the last 15 minutes: {os.getloadavg()[2]:.1f}.\n"
    )


def _goals(results: Results) -> str:
    rows: list[tuple[str, str, str, bool]] = []
    if 1500 in results.render:
        runs = results.render[1500]
        ratio = runs["roster"].wall / runs["helm"].wall
        rows.append(("check and render 1,500 agents", "≤ 1.5 × helm template", f"{ratio:.2f} ×", ratio <= 1.5))
    if 1500 in results.render and results.kustomize:
        per_object = results.kustomize["kustomize 150"].wall / results.objects[150]
        ratio = _extrapolated(results, 1500) / results.render[1500]["roster"].wall
        rows.append(
            ("the same, beside kustomize build", "≥ 50 times faster", f"{ratio:.0f} times (extrapolated)", ratio >= 50)
        )
        ratio = per_object * results.objects[1500] / results.render[1500]["roster"].wall
        rows.append(("… with its time an object at 1,200", "—", f"{ratio:.0f} times", True))
    if {1500, 10_000} <= results.render.keys():
        small, large = results.render[1500]["roster"], results.render[10_000]["roster"]
        growth = (large.wall / results.objects[10_000]) / (small.wall / results.objects[1500])
        rows.append(("10,000 agents: time an object", "as at 1,500", f"{growth:.2f} × that", growth <= 1.15))
        rows.append(
            ("10,000 agents: memory, all processes", "< 600 MiB", f"{large.together:.0f} MiB", large.together < 600)
        )
    if results.schemas:
        count = results.objects[results.schemas_at]
        ours, theirs = count / results.checker, count / results.schemas["kubeconform"].wall
        rows.append(("schema validation, objects/s", f"≥ {theirs:,.0f} (kubeconform)", f"{ours:,.0f}", ours >= theirs))
    for agents, most in ((1500, 2.0), (10_000, 5.0)):
        if agents in results.one_change:
            wall = results.one_change[agents]["plan"].wall
            rows.append((f"plan, one of {agents:,} agents changed", f"≤ {most:.0f} s", f"{wall:.2f} s", wall <= most))
    if results.help:
        wall = results.help.wall
        rows.append(("`roster --help`", "≤ 0.3 s", f"{wall:.2f} s", wall <= 0.3))
    return _table(
        ("goal", "wanted", "measured", "met"),
        [(*row[:3], "" if row[1] == "—" else "yes" if row[3] else "**no**") for row in rows],
    )


def _render(results: Results) -> str:
    rows = []
    for agents, runs in results.render.items():
        for name, what in (("roster", "roster render (checks first)"), ("helm", "helm template")):
            run = runs[name]
            rate = results.objects[agents] / run.wall
            ratio = "" if name == "helm" else f"{run.wall / runs['helm'].wall:.2f}"
            rows.append((f"{agents:,}", f"{results.objects[agents]:,}", what, *_figures(run), f"{rate:,.0f}", ratio))
    title = "### Check and render, cold, into a new folder\n\n"
    return title + _table(("agents", "objects", "command", *_FIGURES, "objects/s", "× helm"), rows)


def _extrapolated(results: Results, agents: int) -> float:
    """Seconds that kustomize would take, from how its time grew between the two sizes: with the square and a bit."""
    small, double = (results.kustomize[f"kustomize {size}"].wall for size in (150, 300))
    power = math.log(double / small) / math.log(results.objects[300] / results.objects[150])
    return float(small * (results.objects[agents] / results.objects[150]) ** power)


def _kustomize(results: Results) -> str:
    if not results.kustomize:
        return ""
    small, double = results.objects[150], results.objects[300]
    rows = [
        (f"{small:,}", "roster render", *_figures(results.kustomize["roster"])),
        (f"{small:,}", "kustomize build", *_figures(results.kustomize["kustomize 150"])),
        (f"{double:,}", "kustomize build", *_figures(results.kustomize["kustomize 300"])),
    ]
    growth = results.kustomize["kustomize 300"].wall / results.kustomize["kustomize 150"].wall
    ratio = results.kustomize["kustomize 150"].wall / results.kustomize["roster"].wall
    text = (
        f"\nAt {small:,} objects, where starting Python is most of Roster's time, Roster is {ratio:.1f} times as fast. "
        f"Twice the objects took kustomize {growth:.1f} times as long"
    )
    if 1500 in results.render:
        seconds = _extrapolated(results, 1500)
        text += f"; carried on like that, {results.objects[1500]:,} objects would take it {seconds:,.0f} s (not run)"
    return (
        "### Beside kustomize build, of the same files\n\n"
        + _table(("objects", "command", *_FIGURES), rows)
        + text
        + ".\n"
    )


def _schemas(results: Results) -> str:
    if not results.schemas:
        return ""
    count = results.objects[results.schemas_at]
    runs = results.schemas
    extra = runs["check"].wall - runs["check without schemas"].wall
    rows = [
        (
            "kubeconform -strict, files, both cores",
            f"{runs['kubeconform'].wall:.2f}",
            f"{count / runs['kubeconform'].wall:,.0f}",
        ),
        ("SchemaChecker, objects in memory, one process", f"{results.checker:.2f}", f"{count / results.checker:,.0f}"),
        ("roster check: definitions to verdict", f"{runs['check'].wall:.2f}", f"{count / runs['check'].wall:,.0f}"),
        ("… of that for schemas and limits", f"{extra:.2f}", ""),
    ]
    title = f"### Strict schema validation of {count:,} objects, none skipped, with the same schemas\n\n"
    return title + _table(("what", "wall s", "objects/s"), rows)


def _steps(results: Results) -> str:
    names = list(dict.fromkeys(name for steps in results.steps.values() for name in steps))
    names.sort(key=lambda name: name == "rest")
    rows = [(name, *(f"{steps.get(name, 0):.2f}" for steps in results.steps.values())) for name in names]
    rows.append(("together", *(f"{sum(steps.values()):.2f}" for steps in results.steps.values())))
    title = "### Where the time goes: seconds in one process (the command uses all cores)\n\n"
    return title + _table(("step", *(f"{agents:,} agents" for agents in results.steps)), rows)


def _one_change(results: Results) -> str:
    rows = []
    for agents, runs in results.one_change.items():
        for name, what in (("plan", "roster plan --base HEAD~1"), ("again", "roster render, over the last one")):
            rows.append((f"{agents:,}", what, *_figures(runs[name])))
    title = "### One agent changed\n\n"
    return title + _table(("agents", "command", *_FIGURES), rows)


_FIGURES = ("wall s", "user s", "system s", "MiB largest process", "MiB all processes")


def _figures(run: Run) -> tuple[str, ...]:
    return (f"{run.wall:.2f}", f"{run.user:.2f}", f"{run.system:.2f}", f"{run.largest:.0f}", f"{run.together:.0f}")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
