"""What every command that asks the engine begins with: the fleet, the commit, the CLI, what changes where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ci.deploy.left_over import left_over
from ci.deploy.offers import Offers, make_offers
from ci.deploy.situation import Situation, situation
from ci.engine.records import StackRecord
from ci.git import GitError, changed_paths, git
from components.definition.places import CONTEXTS
from components.definition.tree import AGENTS
from components.fleet import Fleet
from components.stacks import Stack, all_stacks, parse_stack

# What decides about objects; a difference elsewhere leaves a commit what it is.
DECIDING = (f"{AGENTS}/", "components/", "stacks/", CONTEXTS)


@dataclass(frozen=True, slots=True)
class Head:
    """The commit that the files are of; empty, with why, when they are of none. `moment` is when it was made."""

    commit: str
    moment: datetime | None
    why: str = ""


def head_of(top: Path) -> Head:
    """The commit of the work tree, unless files that decide about objects differ from it."""
    try:
        commit = git(top, "rev-parse", "HEAD").strip()
        moment = datetime.fromtimestamp(int(git(top, "log", "-1", "--format=%ct", commit)), UTC)
        differing = [path for path in changed_paths(top, commit) if path.startswith(DECIDING)]
    except GitError as error:
        return Head("", None, str(error))
    if differing:
        return Head("", moment, f"{len(differing)} files differ from the last commit, {differing[0]} among them")
    return Head(commit, moment)


def chosen_stacks(fleet: Fleet, names: Sequence[str], environment: str) -> list[Stack]:
    """The named stacks, or all of an environment, or all. Raises LookupError for a name that is none."""
    if environment and environment not in fleet.catalog.environments:
        raise LookupError(f"there is no environment {environment!r}")
    named = [parse_stack(name, fleet.catalog).name for name in names]
    return [
        stack
        for stack in all_stacks(fleet.catalog)
        if stack.kind != "images" and stack.environment == (environment or stack.environment)
        if not named or stack.name in named
    ]


def all_situations(
    fleet: Fleet, records: dict[str, StackRecord], offers: Offers, stacks: Sequence[Stack]
) -> dict[str, Situation]:
    """The situation of each environment that the stacks lie in, in order of promotion; of those stacks only."""
    found = {}
    known = set(all_stacks(fleet.catalog))
    for environment in fleet.catalog.environments:
        mine = [stack for stack in stacks if stack.environment == environment]
        names, retired = [stack.name for stack in mine], [stack for stack in mine if stack not in known]
        if names:
            found[environment] = situation(environment, fleet.catalog, offers, records, names, retired)
    return found


def retired_shards(fleet: Fleet, stacks: Sequence[Stack], names: Sequence[str]) -> tuple[list[Stack], str]:
    """Of the backend's stacks `names`: shards that pools of `stacks` have no more, and what to say of the rest."""
    found = left_over(fleet.catalog, names)
    pools = {(one.environment, one.cluster, one.pool) for one in stacks if one.kind == "shard"}
    return [one for one in found.shards if (one.environment, one.cluster, one.pool) in pools], found.words()


def offers_for(fleet: Fleet, stacks: Sequence[Stack]) -> Offers:
    """What the files offer in the stacks' environments."""
    environments = [name for name in fleet.catalog.environments if name in {one.environment for one in stacks}]
    return make_offers(fleet, environments, today=datetime.now(UTC).date().isoformat())


def frozen_now(fleet: Fleet, now: datetime) -> dict[str, str]:
    """Environments that are frozen → why and until when."""
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return {
        name: f"{name} is frozen until {entry.freeze.until}: {entry.freeze.reason}"
        for name, entry in fleet.catalog.environments.items()
        if entry.freeze and moment < entry.freeze.until
    }
