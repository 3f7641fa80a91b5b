"""The figures of the real engine as Markdown, beside what they were meant to be."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measured import Run

# Seconds wanted of a fleet of 1,500, by the beginning of the step's name.
_GOALS = {
    "first creation": 480.0,
    "the whole fleet, nothing changed": 240.0,
    "one agent changed: preview": 15.0,
    "… of which": 1.0,
}
_AT = 1500


@dataclass(frozen=True, slots=True)
class Figure:
    """One step with a fleet of so many agents."""

    agents: int
    step: str
    run: Run


def as_markdown(figures: Sequence[Figure], running: bool) -> str:
    """The table, with what was measured where."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[2]
    pods = "pods that become ready" if running else "suspended agents"
    day = datetime.datetime.now(datetime.UTC).date()
    where = f"{cores} cores, {pods}, file backend and API server on the same machine"
    busy = f"processes wanting a core over the last 15 minutes: {load:.1f}"
    lines = [
        f"Measured on {day}: {where}; single runs; {busy}.",
        "",
        "| agents | step | s | wanted | MiB, all processes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        goal = next((f"≤ {most:.0f}" for name, most in _GOALS.items() if one.step.startswith(name)), "")
        wanted = goal if one.agents == _AT else ""
        lines.append(f"| {one.agents:,} | {one.step} | {one.run.wall:.1f} | {wanted} | {one.run.together:,.0f} |")
    return "\n".join(lines) + "\n"
