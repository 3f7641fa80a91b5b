"""What the pack says of one resource: the findings that `roster check` has of the same object.

An object that is just what the files say is judged with its siblings, before any of them is applied. One that belongs
to an agent, pool or platform and differs from the files is what was applied earlier and is held, waits for its wave, or
stands in a freeze: failing is holding, so a rule that came after it is told and stops nobody. All others are judged
alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies.manifest_reading import kind_of, name_of
from policies.pack.objects import UnknownError, alike, manifest_of
from policies.pack.repository import Part, Repository
from policies.rule import Manifest, Violation

# Policies of the pack that are no rules: what is told of an object and does not stop it.
KEPT, ENDED = "kept-as-applied", "waiver-expired"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding, under the policy of the pack that reports it."""

    policy: str
    message: str


class PackJudge:
    """Judges resources against the rules and a repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._last = threading.local()

    def wants(self, policy: str, turn: int) -> bool:
        """Whether a policy is to be asked about the resource that is at hand; `turn` is its number in the pack.

        The engine's library goes through the policies in turn, in one thread and for one resource: a turn that is not
        after the last one begins another resource, of which nothing is known before one policy is asked.
        """
        last = self._last
        if turn <= getattr(last, "turn", turn):
            last.found = None
        last.turn = turn
        return last.found is None or any(one.policy == policy for one in last.found)

    def verdicts(self, urn: str, token: str, props: Mapping[str, Any]) -> list[Verdict]:
        """All that is to be said of a resource, which is judged for the first policy that asks."""
        last = self._last
        if last.found is None:
            manifest = manifest_of(token, props)
            last.found = [] if manifest is None else list(self._judge(urn, manifest))
        return list(last.found)

    def _judge(self, urn: str, manifest: Manifest) -> Iterator[Verdict]:
        part = self._repository.part_of(urn)
        rendered = _rendered(part, manifest)
        if rendered is not None and alike(manifest, rendered):
            for one in part.violations.get((kind_of(rendered), name_of(rendered)), ()):
                yield from _said(one)
            return
        for one in self._repository.alone(manifest, part.subject):
            if part.owned:
                yield Verdict(KEPT, f"{one.rule.id}: {_words(one)}")
            else:
                yield from _said(one)


def _rendered(part: Part, manifest: Manifest) -> Manifest | None:
    try:
        return part.manifests.get((kind_of(manifest), name_of(manifest)))
    except UnknownError:
        return None


def _said(one: Violation) -> Iterator[Verdict]:
    if not one.waived:
        yield Verdict(ENDED, f"{one.rule.id}: {_words(one)}") if one.lapsed else Verdict(one.rule.id, _words(one))


def _words(one: Violation) -> str:
    return f"{one.kind} {one.name}: {one.problem}"
