"""How many runs of Pulumi at once a machine bears."""

from __future__ import annotations

import os
from pathlib import Path

# An engine, its provider and the program for 100 agents hold 0.6 GB; the rest is room for larger ones.
BYTES_A_RUN = 1024**3


def safe_width(meminfo: Path = Path("/proc/meminfo"), cores: int | None = None) -> int:
    """As many stacks at once as there are cores, and a GiB of available memory for each; at least one.

    Where the system does not say how much memory is available, half of the cores.
    """
    cores = cores or _cores()
    available = _available(meminfo)
    if available is None:
        return max(1, cores // 2)
    return max(1, min(cores, available // BYTES_A_RUN))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _available(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == "MemAvailable" and rest.split()[:1] and rest.split()[0].isdigit():
            return int(rest.split()[0]) * 1024
    return None
