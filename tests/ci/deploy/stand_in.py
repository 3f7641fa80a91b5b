"""Hands that work in memory: the program's own decisions over remembered records, and pods as ill as their objects say.

What the engine does with the decisions is tried with a real one in tests/engine; here it is the order that is tested,
with more agents and more failures than an engine could go through in a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ci.deploy.changes import Change
from ci.deploy.hands import Verdict
from ci.deploy.ledger import Ledger
from ci.deploy.offers import Offer, Offers
from ci.deploy.report import Report
from ci.deploy.steps import Steps
from ci.engine.failure import Failure
from ci.engine.records import StackRecord
from ci.engine.runs import Action, StackResult
from components.applied import Applied
from components.digest import objects_digest
from components.stacks import Stack, holds
from stacks.decisions import decide, images
from stacks.instructions import Instructions

Objects = tuple[dict[str, Any], ...]


def objects(text: str, replicas: int = 1, image: str = "first") -> Objects:
    """An agent's objects, as far as anything here looks at them."""
    template = {"spec": {"containers": [{"name": "agent", "image": image}]}}
    spec = {"replicas": replicas, "text": text, "template": template}
    return ({"kind": "Deployment", "metadata": {"name": text}, "spec": spec},)


def offer(environment: str, pool: str, name: str, content: Objects, barred: Mapping[str, str]) -> Offer:
    """What the files have of an agent."""
    (image,) = images(content)
    suspended = content[0]["spec"]["replicas"] == 0
    digest = objects_digest(content)
    path = f"agents/{pool}/{name}.yaml"
    return Offer(
        environment,
        pool,
        name,
        f"{pool}-{environment}",
        path,
        digest,
        1,
        suspended,
        True,
        "",
        (),
        image,
        barred.get(image, ""),
        image not in barred,
    )


@dataclass
class World:
    """What the files have, what stacks remember, what was run. `ill`: texts of objects whose pods do not get well.

    `barred`: image → why nobody may begin to run it.
    """

    stacks: list[Stack]
    files: dict[tuple[str, str, str], Objects] = field(default_factory=dict)
    memory: dict[str, dict[str, Applied]] = field(default_factory=dict)
    ill: set[str] = field(default_factory=set)
    barred: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Failure] = field(default_factory=dict)
    replaces: set[str] = field(default_factory=set)
    runs: list[tuple[Action, str, Instructions]] = field(default_factory=list)
    harmed: set[tuple[str, str]] = field(default_factory=set)

    def offers(self) -> Offers:
        """As `ci.deploy.offers.make_offers`."""
        agents: dict[tuple[str, str], dict[str, Offer]] = {}
        defined: dict[str, set[str]] = {}
        for (environment, pool, name), content in self.files.items():
            agents.setdefault((environment, pool), {})[name] = offer(environment, pool, name, content, self.barred)
            defined.setdefault(pool, set()).add(name)
        return Offers(agents, {}, {pool: frozenset(names) for pool, names in defined.items()})

    def shards(self) -> list[Stack]:
        """The stacks that hold agents."""
        return [stack for stack in self.stacks if stack.kind == "shard"]

    def remembered(self, stack: Stack) -> dict[str, Applied]:
        """What a stack applied last."""
        return self.memory.get(stack.name, {})

    def running(self, environment: str) -> dict[str, str]:
        """What runs: agent → the text of its objects."""
        return {
            name: str(record.manifests[0]["spec"]["text"])
            for stack in self.shards()
            if stack.environment == environment
            for name, record in self.memory.get(stack.name, {}).items()
            if record.manifests
        }

    def records(self, stacks: Sequence[Stack]) -> dict[str, StackRecord]:
        return {
            one.name: StackRecord(one.name, one.name in self.memory, self.memory.get(one.name, {})) for one in stacks
        }

    def run(
        self, action: Action, jobs: Mapping[Stack, Instructions], wave: Sequence[Change] = ()
    ) -> dict[str, StackResult]:
        return {stack.name: self._run(action, stack, told) for stack, told in jobs.items()}

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        verdicts = {}
        for change in changes:
            record = self.memory[change.stack.name].get(change.name)
            ill = record is not None and bool(record.manifests) and record.manifests[0]["spec"]["text"] in self.ill
            if ill:
                self.harmed.add((change.stack.name, change.name))
            verdicts[change] = Verdict(not ill, "its pods crash" if ill else "")
        return verdicts

    def move(self, source: Stack, target: Stack, agents: Sequence[str]) -> None:
        for name in agents:
            self.memory.setdefault(target.name, {})[name] = self.memory[source.name].pop(name)

    def _run(self, action: Action, stack: Stack, told: Instructions) -> StackResult:
        self.runs.append((action, stack.name, told))
        if stack.name in self.refused:
            return StackResult(stack.name, action, self.refused[stack.name])
        offered = {
            name: content
            for (environment, pool, name), content in self.files.items()
            if environment == stack.environment and holds(stack, pool, name)
        }
        last = self.memory.get(stack.name, {})
        barred = {
            name: self.barred[one] for name, content in offered.items() for one in images(content) & {*self.barred}
        }
        decisions = decide(offered, last, told, "c0ffee0", barred=barred)
        deleted = tuple(one.name for one in decisions if one.action == "remove")
        replaced = tuple(one.name for one in decisions if one.action == "apply" and one.name in self.replaces)
        if action == "up":
            self.memory[stack.name] = {one.name: one.record for one in decisions if one.record is not None}
        return StackResult(stack.name, action, None, deleted=deleted, replaced=replaced)


def steps(world: World, **options: Any) -> Steps:
    """Steps over a world. A change counts as shared when its objects' text begins with `shared`."""
    ledger = Ledger(Report("c0ffee0", "2026-11-21T00:00:00Z"), lambda: 1.0, lambda: None)

    def sharing(changes: Any) -> set[Change]:
        return {
            change
            for change in changes
            if change.offer
            and world.files[change.stack.environment, change.stack.pool, change.name][0]["spec"]["text"].startswith(
                "shared"
            )
        }

    return Steps("c0ffee0", world, ledger, sharing, **options)
