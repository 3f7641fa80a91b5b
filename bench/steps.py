"""Where the time of `roster render` goes: the library's own functions, timed in one process.

usage: python -m bench.steps FLEET OUTPUT      prints {"step": seconds, …} as JSON; the steps add up to the whole
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Where each function is looked up when it is called, and the step that its time counts for.
_TIMED = (
    ("components.definition.tree", "WorkTree.files", "list files"),
    ("components.fleet", "load_catalog", "catalog"),
    ("components.definition.tree", "WorkTree.read", "read"),
    ("components.definition.reading", "read_yaml", "parse"),
    ("components.definition.reading", "validate", "validate"),
    ("components.fleet", "load_agent", "validate"),
    ("components.fleet", "agent_references", "resolve"),
    ("components.fleet", "resolve", "resolve"),
    ("ci.inspection", "agent_manifests", "objects"),
    ("ci.inspection", "Inspector.shared_manifests", "objects"),
    ("policies.judge", "Policies.judge", "policies"),
    ("components.fleet", "facts", "rules between agents"),
    ("ci.inspection", "fleet_findings", "rules between agents"),
    ("ci.inspection", "stray_files", "rules between agents"),
    ("ci.render", "dump_all", "emit YAML"),
    ("ci.output_folder", "Staging.write", "write files"),
    ("ci.output_folder", "OutputFolder.__exit__", "put in place"),
)
_REST = "rest"


class Stopwatch:
    """Seconds a step; what a timed function calls that is timed itself counts for that one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._step = _REST
        self._since = time.perf_counter()

    def switch(self, step: str) -> str:
        """Ends the step that is running, begins `step`, and returns the one that ended."""
        before, now = self._step, time.perf_counter()
        self.seconds[before] += now - self._since
        self._step, self._since = step, now
        return before

    def timed(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """`function`, its time counted for `step`."""

        @functools.wraps(function)
        def wrapper(*args: Any, **named: Any) -> Any:
            before = self.switch(step)
            try:
                return function(*args, **named)
            finally:
                self.switch(before)

        return wrapper


def main() -> None:
    """Renders a fleet in this process and prints the split."""
    watch = Stopwatch()
    watch.switch("imports")
    from bench.synthetic import ENVIRONMENT
    from ci.render import render
    from components.definition.tree import WorkTree
    from components.fleet import Fleet

    for module, name, step in _TIMED:
        holder: Any = importlib.import_module(module)
        *owner, attribute = name.split(".")
        for part in owner:
            holder = getattr(holder, part)
        setattr(holder, attribute, watch.timed(getattr(holder, attribute), step))
    watch.switch(_REST)
    fleet = Fleet.open(WorkTree(Path(sys.argv[1])))
    render(fleet, ENVIRONMENT, Path(sys.argv[2]), "2027-01-01", processes=1)
    watch.switch(_REST)
    print(json.dumps({step: round(seconds, 4) for step, seconds in watch.seconds.items()}))


if __name__ == "__main__":
    main()
