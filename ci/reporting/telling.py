"""Tells the Pushgateway of a deployment: at its beginning, of how it went, and of what runs after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ci.deploy.report import Report
from ci.engine.records import StackRecord
from ci.git import GitError, git
from ci.reporting.deployment import Run, beginning, ending, figures
from ci.reporting.pushgateway import Pushgateway, put_all
from components.definition.load_catalog import Catalog
from components.stacks import Stack

Records = Callable[[Sequence[Stack]], Mapping[str, StackRecord]]


@dataclass(frozen=True, slots=True)
class Telling:
    """Of one run. Without a Pushgateway, or with one that is away, nothing is told and nothing is asked."""

    gateway: Pushgateway | None
    catalog: Catalog
    run: Run

    def begin(self) -> None:
        """What is wanted, before anything is applied: a run that is killed leaves it behind."""
        if self.gateway:
            for group in beginning(self.run):
                self.gateway.add(group)

    def went(self, report: Report, environments: Sequence[str]) -> None:
        """How the agents of the run fared."""
        if self.gateway:
            put_all(self.gateway, figures(report, environments))

    def end(self, report: Report, top: Path, records: Records) -> None:
        """What was applied; `records` reads what stacks remember now, `top` has the history."""
        if not self.gateway or self.gateway.away or not self.run.wanted:
            return
        known = self.gateway.known()
        if self.gateway.away:
            return

        @cache
        def committed(commit: str) -> float | None:
            try:
                return float(git(top, "show", "-s", "--format=%ct", commit, "--")) if commit else None
            except (GitError, ValueError):
                return None

        put_all(
            self.gateway,
            ending(self.run, report, records(self.run.wanted), known, self.catalog, committed, time.time()),
        )
