"""Whether a run may apply what is checked out: the newest commit of the branch, or an older one with work left.

Runs may start late, twice or out of order: GitHub keeps one pending run of a group and drops the others, an approval
may come after a newer merge, and anyone may repeat an old run. None of them may bring an older state back.

usage: python -m ci.turn ENVIRONMENT [--main BRANCH] [--since FILE] [--applied COMMIT…]
    exit 0: apply it; 10: nothing is left to do; 2: it must not be applied; those of `roster up` when Pulumi's state
    cannot be read, where the commits that were applied stand (--applied names them instead). FILE gets the newest of
    those that lie before this one, if there is any: what came after it is this run's to apply.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import typer

from ci.formats import as_text
from ci.git import GitError, commit_of, git
from components.definition.findings import InvalidInput

Verdict = Literal["apply", "done", "refuse"]
EXIT_CODES: dict[Verdict, int] = {"apply": 0, "done": 10, "refuse": 2}


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a run, and why, in a sentence."""

    verdict: Verdict
    why: str


def decide(head: str, newest: str, contains: Callable[[str, str], bool], applied: Callable[[], Iterable[str]]) -> Turn:
    """`contains(a, b)`: whether commit b lies in the history of a. `applied` is asked only if `head` is not newest."""
    if head == newest:
        return Turn("apply", f"{head[:12]} is the newest commit of the branch")
    if not contains(newest, head):
        return Turn("refuse", f"{head[:12]} is not on the branch: only what was merged is applied, by a run of its own")
    for commit in applied():
        if commit != head and contains(commit, head):
            return Turn("done", f"{commit[:12]}, which is newer than {head[:12]}, was applied already and holds it")
    return Turn("apply", f"{head[:12]} is older than {newest[:12]}, but nothing newer was applied yet")


def turn(top: Path, main: str, applied: Callable[[], Iterable[str]]) -> Turn:
    """`decide` for the commit that is checked out in `top`. Raises GitError."""
    return decide(
        commit_of(top, "HEAD"), commit_of(top, main), lambda newer, older: _contains(top, newer, older), applied
    )


def _contains(top: Path, newer: str, older: str) -> bool:
    with suppress(GitError):  # a commit that a rewritten history no longer has contains nothing
        git(top, "merge-base", "--is-ancestor", older, newer)
        return True
    return False


def applied_commits(top: Path, environment: str) -> set[str]:
    """The commits that the environment's agents, pools and platform were last applied from.

    Raises InvalidInput, `ci.engine.failure.EngineError`.
    """
    from ci.engine.command import open_pulumi
    from ci.engine.failure import EngineError
    from ci.engine.records import read_records
    from components.applied import Applied
    from components.definition.tree import WorkTree
    from components.fleet import Fleet
    from components.stacks import all_stacks

    catalog = Fleet.open(WorkTree(top)).catalog
    stacks = [stack.name for stack in all_stacks(catalog) if stack.environment == environment]
    found = set()
    for record in read_records(open_pulumi(top), stacks, width=2).values():
        if record.failure and record.failure.kind == "damaged-state":
            # It holds up its own stack, and `roster up` says so; the others go on.
            continue
        if record.failure:
            raise EngineError(record.failure.kind, f"{record.stack}: {record.failure.message}")
        for one in (*record.agents.values(), *record.pool.values(), *record.platform.values()):
            if isinstance(one, Applied) and one.digest and one.commit:
                found.add(one.commit)
    return found


def newest_of(top: Path, commits: Iterable[str]) -> str:
    """The newest of the commits on the checked-out commit's own line; empty when none is. Raises GitError."""
    known = set(commits)
    line = git(top, "rev-list", "--first-parent", "HEAD").split() if known else []
    return next((commit for commit in line if commit in known), "")


def main(arguments: list[str]) -> int:
    """Prints the sentence, and gives the exit code."""
    from ci.commands.engine_session import engine_errors

    parser = argparse.ArgumentParser(prog="python -m ci.turn", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("environment")
    parser.add_argument("--main", default="origin/main")
    parser.add_argument("--since", type=Path)
    parser.add_argument("--applied", nargs="*")
    given = parser.parse_args(arguments)
    top = Path.cwd()

    @cache
    def applied() -> frozenset[str]:
        return frozenset(applied_commits(top, given.environment) if given.applied is None else given.applied)

    try:
        with engine_errors():
            result = turn(top, given.main, applied)
            if given.since and result.verdict == "apply":
                given.since.parent.mkdir(parents=True, exist_ok=True)
                given.since.write_text(newest_of(top, applied()), "utf-8")
    except typer.Exit as ended:
        return ended.exit_code
    except InvalidInput as error:
        sys.stdout.write(as_text(error.findings))
        return 1
    except GitError as error:
        print(f"apply: {error}", file=sys.stderr)
        return EXIT_CODES["refuse"]
    print(f"{given.environment}: {result.why}", file=sys.stderr if result.verdict == "refuse" else sys.stdout)
    return EXIT_CODES[result.verdict]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
