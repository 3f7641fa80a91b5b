"""Which agents change together, and which after them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from itertools import zip_longest

from ci.deploy.changes import Change
from components.definition.secret_stores import FLAT_SEPARATOR

Wave = list[Change]


def plan_waves(changes: Sequence[Change], shares: Sequence[int], seed: str, first_of_all: bool = False) -> list[Wave]:
    """The changes in waves: after each, the next share (rising percentages) of them is done; the last is the rest.

    Agents of a wave are spread over the stacks, and so over pools, clusters and shards; which ones of a stack go first
    is drawn by `seed`, the commit, so that it is not always the same. `first_of_all`: nothing runs in the environment
    yet, so there is nothing to spare and one wave is enough.
    """
    order = _spread(changes, seed)
    if not order:
        return []
    ends = [len(order)] if first_of_all else [-(-len(order) * share // 100) for share in shares] + [len(order)]
    waves, done = [], 0
    for end in ends:
        if end > done:
            waves.append(order[done:end])
            done = end
    return waves


def split_phases(changes: Sequence[Change]) -> tuple[Wave, Wave, Wave]:
    """What goes first and past the waves, what goes in waves, and what goes at the end.

    Removals come at the end, when all is well; but an agent whose bot credential another one takes over goes first,
    since both together would fight over the bot.
    """
    wanted = {one for change in changes if change.kind == "new" and change.offer for one in change.offer.credentials}
    first = [one for one in changes if one.first or (one.kind == "removed" and wanted & held_secrets(one))]
    ahead = set(first)
    last = [one for one in changes if one.kind == "removed" and one not in ahead]
    return first, [one for one in changes if one.kind != "removed" and one not in ahead], last


def held_secrets(change: Change) -> set[str]:
    """`path#key` of every secret that the agent's last applied objects fetch."""
    found = set()
    for manifest in change.last.manifests if change.last else ():
        if manifest["kind"] == "ExternalSecret":
            for entry in manifest["spec"].get("data", ()):
                remote = entry["remoteRef"]
                found.add(f"{remote['key'].replace(FLAT_SEPARATOR, '/')}#{remote.get('property', '')}")
    return found


def _spread(changes: Sequence[Change], seed: str) -> list[Change]:
    """Round and round the stacks, so that any beginning of the list holds as many stacks as it can."""
    stacks: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda one: _draw(seed, one)):
        stacks[change.stack.name].append(change)
    rounds = zip_longest(*(stacks[name] for name in sorted(stacks)))
    return [one for turn in rounds for one in turn if one is not None]


def _draw(seed: str, change: Change) -> bytes:
    return blake2b(f"{seed}/{change.stack.name}/{change.name}".encode(), digest_size=8).digest()
