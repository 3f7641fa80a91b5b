"""`roster up`: brings the clusters to what the files say, in order and in waves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import typer

from ci.commands.engine_session import engine_errors, opened
from ci.commands.session import FINDINGS, USAGE, fail, open_fleet, path_of, top
from ci.deploy.causes import shared_changes
from ci.deploy.flow import Flow
from ci.deploy.ledger import Ledger
from ci.deploy.left_over import renamed_stacks
from ci.deploy.opening import (
    Head,
    all_situations,
    chosen_stacks,
    frozen_now,
    head_of,
    offers_for,
    retired_shards,
)
from ci.deploy.real_hands import RealHands
from ci.deploy.report import Report, headline, moment
from ci.deploy.situation import Situation
from ci.deploy.steps import Outcome, Steps
from ci.engine.command import Pulumi
from ci.engine.records import clear_pending
from ci.engine.stack_names import filled_stacks
from ci.forge.permission import read_permission
from ci.reporting.deployment import Run, run_of
from ci.reporting.pushgateway import open_pushgateway
from ci.reporting.telling import Telling
from components.fleet import Fleet
from components.reviewed import merged, read_reviewed
from components.stacks import Stack, all_stacks

CODES: dict[Outcome, int] = {
    "well": 0,
    "permission": 3,
    "stopped": 4,
    "locked": 5,
    "unreachable": 6,
    "interrupted": 130,
}
# A clock that is behind the commit by more than this would end freezes too late and waivers too.
CLOCK = timedelta(minutes=10)


def run(
    names: Sequence[str],
    environment: str,
    release: Sequence[str],
    reviewed: Sequence[Path],
    permission: Path | None,
    folder: Path | None,
    wait_minutes: float,
    first_only: bool = False,
) -> None:
    """Applies what changed; exits with 0, 1 (findings), 2 (usage), 3 (permission), 4 (held), 5, 6 or 7."""
    fleet = open_fleet()
    here = top()
    target = (folder or here / "out" / "up").resolve()
    stacks = _stacks(fleet, names, environment)
    for agent in release:
        path_of(fleet, agent)
    head, now = head_of(here), datetime.now(UTC)
    _look_at_clock(head, now)
    allowed = _permission(permission)
    with engine_errors():
        pulumi = opened(here)
        record = _reviewed(reviewed, target)
        hands = RealHands(pulumi, fleet, head.commit, target, record, wait_minutes * 60, _say)
        _say(f"applying {head.commit[:10]}" if head.commit else f"applying files of no commit: {head.why}")
        report = Report(head.commit, moment(now))
        ledger = Ledger(report, lambda: _since(head, now), lambda: report.write(target))
        steps = Steps(head.commit, hands, ledger, partial(shared_changes, here), allowed)
        situations, before = _situations(fleet, hands, stacks)
        frozen = frozen_now(fleet, now)
        flow = Flow(fleet.catalog, steps, _say, frozenset(release), frozen, first_only)
        telling = _telling(fleet, run_of(situations, frozen, first_only, now.timestamp()))
        telling.begin()
        try:
            outcome = flow.run(situations, before)
            _tidy(pulumi, hands)
        finally:
            report.ended = moment(datetime.now(UTC))
            report.write(target)
            telling.went(report, [one.environment for one in situations])
        if outcome != "interrupted":
            telling.end(report, here, hands.records)
    _say(f"{headline(report)}. Report: {target / 'report.md'}")
    faulty = any(one.faults for one in situations)
    raise typer.Exit(FINDINGS if faulty and outcome == "stopped" else CODES[outcome])


def _telling(fleet: Fleet, what: Run) -> Telling:
    gateway = open_pushgateway(os.environ, fleet.catalog.settings.monitoring, _say)
    return Telling(gateway, fleet.catalog, what)


def _stacks(fleet: Fleet, names: Sequence[str], environment: str) -> list[Stack]:
    try:
        if environment and environment not in fleet.catalog.environments:
            raise LookupError(f"there is no environment {environment!r}")
        chosen = chosen_stacks(fleet, names, environment)
        if not chosen:
            raise LookupError(f"none of the stacks that were named lies in {environment}")
        return chosen
    except LookupError as error:
        raise fail(str(error.args[0])) from error


def _situations(fleet: Fleet, hands: RealHands, stacks: Sequence[Stack]) -> tuple[list[Situation], dict[str, set[str]]]:
    """What is to be done in the chosen stacks, and what is outstanding in environments before the first of them."""
    chosen = {stack.environment for stack in stacks}
    order = list(fleet.catalog.environments)
    before_last = order[: max(order.index(name) for name in chosen)]
    pools = {stack.pool for stack in stacks}
    earlier = [
        stack
        for stack in all_stacks(fleet.catalog)
        if stack.environment in before_last and stack.environment not in chosen and stack.pool in {*pools, ""}
    ]
    names = filled_stacks(hands.pulumi)
    if renamed := renamed_stacks(fleet.catalog, names):
        raise fail(renamed)
    retired, rest = retired_shards(fleet, stacks, names)
    if rest:
        _say(rest)
    wanted = [*earlier, *stacks, *retired]
    records = hands.records(wanted)
    found = all_situations(fleet, records, offers_for(fleet, wanted), wanted)
    behind = {
        name: {
            key
            for other in order[: order.index(name)]
            if other in found and other not in chosen
            for key in found[other].outstanding()
        }
        for name in chosen
    }
    return [found[name] for name in order if name in chosen], behind


def _reviewed(paths: Sequence[Path], target: Path) -> str:
    """One file of all the records; its path, or none."""
    if not paths:
        return ""
    try:
        whole = merged(read_reviewed(path) for path in paths)
    except ValueError as error:
        raise fail(str(error)) from error
    target.mkdir(parents=True, exist_ok=True)
    file = target / "reviewed.json"
    file.write_text(whole.as_json(), "utf-8")
    return str(file)


def _permission(path: Path | None) -> bool:
    """Whether a reviewer allowed that many agents go, and says who it was."""
    if path is None:
        return False
    try:
        given = read_permission(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise fail(f"{path} is no permission such as `roster forge permission` writes: {error}") from error
    _say(f"{given.by} allows removals for #{given.pull} at {given.head[:10]}")
    return True


def _look_at_clock(head: Head, now: datetime) -> None:
    if head.moment and now < head.moment - CLOCK:
        raise fail(
            f"this machine's clock says {moment(now)}, before the commit was made ({moment(head.moment)})", USAGE
        )


def _since(head: Head, now: datetime) -> float:
    return (datetime.now(UTC) - (head.moment or now)).total_seconds()


def _tidy(pulumi: Pulumi, hands: RealHands) -> None:
    """Forgets operations that a killed run left pending and this one has finished."""
    for name, record in hands.known.items():
        if record.pending_operations and name in hands.applied:
            cleared = clear_pending(pulumi, name)
            if cleared:
                _say(f"{name}: {len(cleared)} operations that a killed run left pending are done")


def _say(line: str) -> None:
    typer.echo(line, err=True)
