"""What becomes of each agent in one run: pure, from what is offered now and what was applied last.

Failing is holding: an agent that is held, waits for its wave or stands in a freeze is registered with the objects that
were applied last, so that nothing is changed and nothing deleted. Two kinds of change wait for nothing: one that stops
an agent, and one that goes back to objects that ran before.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from components.applied import Applied, Manifest
from components.digest import objects_digest
from components.removals import alarming
from stacks.instructions import Instructions

Action = Literal["apply", "same", "wait", "hold", "remove"]
Objects = tuple[Manifest, ...]
# A component whose objects were not all there when its run ended.
INCOMPLETE = Applied("", "", ())
STOPS = "stops the agent"
GOES_BACK = "goes back to what ran before"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is registered for an agent, a pool or the platform: `record.manifests`. None: not even a component.

    `reviewed`: what reviewers saw of it, where that is not quite what is registered; none otherwise.
    """

    name: str
    action: Action
    record: Applied | None
    reason: str = ""
    reviewed: Objects = ()


class RefusedError(Exception):
    """The run must not go on as it is; the message says why and what to do."""


def decide(
    offered: Mapping[str, Objects],
    last: Mapping[str, Applied | None],
    instructions: Instructions,
    commit: str,
    frozen: str = "",
    barred: Mapping[str, str] | None = None,
    lapsed: Mapping[str, str] | None = None,
) -> list[Decision]:
    """A decision for each name that is offered or was applied, sorted by name.

    `last` has None for what left a record that cannot be read. `frozen` says why nothing may change; empty when it may.
    `barred`: name → why nobody may begin to run its image; who runs it already goes on, and nothing is deleted for it.
    Of a name that is not offered: why it may not go yet. `lapsed`: name → why no change of it may be applied, though
    it may stop, go back or go.
    Raises RefusedError when something that must be held is not known well enough for that, or too much would go.
    """
    run = _Run(last, instructions, commit, frozen, barred or {}, lapsed or {})
    decisions = [run.decision(name, offered.get(name, ())) for name in sorted({*offered, *last})]
    gone = [one.name for one in decisions if one.action == "remove"]
    if alarming(len(gone), len(last)) and not instructions.allow_removals:
        shown = ", ".join(gone[:10]) + (" …" if len(gone) > 10 else "")
        raise RefusedError(f"{len(gone)} of {len(last)} agents would be removed: {shown}. That needs a permission")
    return decisions


def goes_first(offered: Objects, last: Applied) -> str:
    """Why a change waits for neither wave nor freeze; empty when it does."""
    if last.digest and stopped(offered) and not stopped(last.manifests):
        return STOPS
    # Starting what was stopped is no rollback: its pods are as new as any.
    if objects_digest(offered) in last.earlier and not stopped(last.manifests):
        return GOES_BACK
    return ""


def stopped(manifests: Objects) -> bool:
    """Whether the objects run no pod."""
    deployments = [one for one in manifests if one["kind"] == "Deployment"]
    return bool(deployments) and all(one["spec"].get("replicas") == 0 for one in deployments)


def images(manifests: Objects) -> frozenset[str]:
    """References of the images that the objects run."""
    return frozenset(one["image"] for one in _containers(manifests))


def begins(offered: Objects, last: Objects) -> bool:
    """Whether pods would begin to run an image: one that is new to them, or any, where none ran."""
    return bool(images(offered) - images(last)) or (stopped(last) and not stopped(offered))


def with_images_of(offered: Objects, last: Objects) -> Objects:
    """The offered objects, with the images that the last ones ran."""
    kept = copy.deepcopy(offered)
    ran = {one["name"]: one["image"] for one in _containers(last)}
    for one in _containers(kept):
        one["image"] = ran.get(one["name"], one["image"])
    return kept


def _containers(manifests: Objects) -> list[Manifest]:
    templates = [one["spec"]["template"]["spec"] for one in manifests if one["kind"] == "Deployment"]
    return [container for template in templates for container in template["containers"]]


@dataclass(frozen=True, slots=True)
class _Run:
    last: Mapping[str, Applied | None]
    instructions: Instructions
    commit: str
    frozen: str
    barred: Mapping[str, str]
    lapsed: Mapping[str, str]

    def decision(self, name: str, offered: Objects) -> Decision:
        last = self.last.get(name, INCOMPLETE)
        if last is None:
            return self._without_record(name, offered)
        digest = objects_digest(offered) if offered else ""
        hold = self.instructions.hold.get(name)
        if hold:
            return Decision(name, "hold", replace(last.without(hold.digest), held=hold), hold.reason)
        if name in self.instructions.back:
            left = last.without(digest)
            return Decision(name, "wait", left if left.digest else None, "goes with the next run")
        if offered and digest == last.digest:
            proven = last.proven or name in self.instructions.proven
            return Decision(name, "same", replace(last, held=None, proven=proven))
        if last.held and last.held.digest == digest and name not in self.instructions.release:
            return Decision(name, "hold", last, last.held.reason)
        first = goes_first(offered, last)
        reason = self._not_yet(name, offered, last, first)
        if reason:
            return Decision(name, "wait", last if name in self.last else None, reason)
        if not offered:
            return Decision(name, "remove", None)
        # Without instructions nobody watches but the engine; and a new agent has nothing that it could be returned to.
        proven = self.instructions.apply is None or stopped(offered) or not last.digest
        reviewed: Objects = ()
        if first == STOPS and name in self.barred:
            # A stop must not fail for an image that nobody has, nor let it in by the next start.
            offered, reviewed = with_images_of(offered, last.manifests), offered
            digest = objects_digest(offered)
        return Decision(name, "apply", Applied(self.commit, digest, offered, proven=proven).over(last), first, reviewed)

    def _not_yet(self, name: str, offered: Objects, last: Applied, first: str) -> str:
        barred = self.barred.get(name, "")
        if offered and name in self.last and last == INCOMPLETE:
            # What an earlier run began is finished: to hold it would be to delete what is there of it.
            if barred:
                raise RefusedError(f"{name} was begun by a run that did not end, and cannot be finished: {barred}")
            return ""
        if self.frozen and not first:
            return self.frozen
        if barred and not first and (not offered or begins(offered, last.manifests)):
            return barred
        if offered and name in self.lapsed and not first:
            return self.lapsed[name]
        return "" if self.instructions.may_change(name) else "its turn has not come"

    def _without_record(self, name: str, offered: Objects) -> Decision:
        """What was applied is not known, so it can only go forward: holding would mean deleting."""
        forward = self.instructions.may_change(name) and name not in self.instructions.hold
        forward = forward and not self.frozen and name not in self.barred
        if not offered or not forward:
            raise RefusedError(f"{name} cannot be held or removed: what the stack says it applied last cannot be read")
        return Decision(name, "apply", Applied(self.commit, objects_digest(offered), offered))
