"""Hands that work: the Pulumi CLI for states and objects, the clusters' API servers for how the agents are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci.cluster.kubeconfig import ClusterError
from ci.deploy.changes import Change
from ci.deploy.early import EarlyWatch
from ci.deploy.hands import Verdict
from ci.deploy.live_gate import LiveGate, ended_early
from ci.engine.command import Pulumi
from ci.engine.failure import Failure, Kind
from ci.engine.interruption import Interruption
from ci.engine.progress import progress
from ci.engine.records import StackRecord, read_records
from ci.engine.runs import Action, StackResult, StackRun, run_stacks, safe_width
from ci.engine.state_move import move_agents
from components.fleet import Fleet
from components.stacks import Stack
from stacks.instructions import Instructions

_KINDS: dict[str, Kind] = {"wrong-cluster": "wrong-cluster", "credentials": "expired-credentials"}


@dataclass(slots=True)
class RealHands:
    """Works on `fleet`, the files of `commit`. Instructions, logs and backups go below `folder`.

    `reviewed` is the path of a record of reviewed objects, empty for none; `say` is told how a watch goes on.
    """

    pulumi: Pulumi
    fleet: Fleet
    commit: str
    folder: Path
    reviewed: str
    wait_seconds: float
    say: Callable[[str], None]
    known: dict[str, StackRecord] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)
    met: set[str] = field(default_factory=set)

    def records(self, stacks: Sequence[Stack]) -> dict[str, StackRecord]:
        """See Hands."""
        found = read_records(self.pulumi, [stack.name for stack in stacks], safe_width())
        self.known |= found
        self.applied -= found.keys()
        return found

    def run(
        self, action: Action, jobs: Mapping[Stack, Instructions], wave: Sequence[Change] = ()
    ) -> dict[str, StackResult]:
        """See Hands."""
        refused = self._elsewhere(action, jobs)
        runs = [self._job(action, stack, told) for stack, told in jobs.items() if stack.name not in refused]
        interruption = Interruption()
        with progress(runs) as on_event, ExitStack() as opened:
            early = opened.enter_context(EarlyWatch(self._live.by_cluster(wave, opened), interruption))
            results = run_stacks(
                self.pulumi,
                runs,
                width=safe_width(),
                folder=self.folder,
                on_event=on_event,
                wait_seconds=self.wait_seconds,
                interruption=interruption,
            )
        if early.failed:
            results = [ended_early(result, wave, early.failed) for result in results]
        if action == "up":
            self.applied |= {result.stack for result in results}
        return refused | {result.stack: result for result in results}

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        """See Hands."""
        return self._live.verdicts(changes, failed)

    def move(self, source: Stack, target: Stack, agents: Sequence[str]) -> None:
        """See Hands."""
        both = self.records([source, target])
        move_agents(self.pulumi, both[source.name], both[target.name], agents, self.wait_seconds)

    @property
    def _live(self) -> LiveGate:
        return LiveGate(self.fleet, self.say)

    def _elsewhere(self, action: Action, stacks: Iterable[Stack]) -> dict[str, StackResult]:
        """Stacks whose context is not the cluster that the catalog means: the engine is not let there."""
        from ci.cluster.client import open_cluster

        found = {}
        for stack in stacks:
            where = self.fleet.catalog.environments[stack.environment].clusters[stack.cluster]
            if where.uid and where.context not in self.met:
                try:
                    open_cluster(where.context, where.uid).close()
                    self.met.add(where.context)
                except ClusterError as error:
                    kind: Kind = _KINDS.get(error.kind, "unreachable-cluster")
                    found[stack.name] = StackResult(stack.name, action, Failure(kind, f"{stack.name}: {error}"))
        return found

    def _job(self, action: Action, stack: Stack, told: Instructions) -> StackRun:
        record = self.known.get(stack.name) or self.records([stack])[stack.name]
        if record.empty or not record.exists:
            # Nothing is there that need not be looked at, nor the provider that objects hang on.
            told = replace(told, look=None)
        path = self.folder / "instructions" / f"{stack.name}.{os.getpid()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told.as_json(), "utf-8")
        variables = {"ROSTER_COMMIT": self.commit, "ROSTER_RUN": str(path), "ROSTER_REVIEWED": self.reviewed}
        there = stack.name in self.applied
        agents = len({*record.agents, *(told.apply or ())}) if told.look is None else len(told.look)
        first = record.empty and not there
        look = tuple(sorted(told.look or ()))
        unsure = (
            () if there else tuple(one.urn for one in record.pending_operations if one.type in ("updating", "deleting"))
        )
        return StackRun(stack.name, action, record.exists or there, first, variables, agents, look=look, unsure=unsure)
