"""`roster drift`: what in the clusters differs from what was applied last, and who changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from ci.commands.engine_session import UNREACHABLE, engine_errors, opened
from ci.commands.session import FINDINGS, environment_of, fail, open_fleet, top
from ci.deploy.opening import chosen_stacks
from ci.engine.records import StackRecord, read_records
from ci.engine.runs import safe_width
from components.applied import Applied
from components.fleet import Fleet
from components.specs.names import namespace
from components.stacks import Stack


def run(environment: str, output: str, folder: Path | None) -> None:
    """Prints the differences; exits with 0 when there are none, 1 when there are, 6 when a cluster cannot be asked."""
    from ci.cluster import drift_report
    from ci.cluster.client import open_cluster
    from ci.cluster.drift import Difference, drift
    from ci.cluster.kubeconfig import ClusterError

    fleet = open_fleet()
    stacks = chosen_stacks(fleet, [], environment_of(fleet, environment) if environment else "")
    found: list[Difference] = []
    silent: list[str] = []
    with engine_errors():
        records = read_records(opened(top()), [stack.name for stack in stacks], safe_width())
        unread = [f"{name}: {one.failure.message}" for name, one in records.items() if one.failure]
        for (of, name), members in _by_cluster(stacks).items():
            where = fleet.catalog.environments[of].clusters[name]
            applied = _applied(records, members)
            if not applied:
                continue
            try:
                with open_cluster(where.context, where.uid) as cluster:
                    known = [one for one in members if not _unread(one, members, records)]
                    found += drift(cluster, applied, _whole(fleet, known))
            except ClusterError as error:
                silent.append(f"{of} ({where.context}): {error}")
    texts = {"text": drift_report.as_text, "markdown": drift_report.as_markdown, "json": drift_report.as_json}
    text = texts[output](found)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, kind in (("md", "markdown"), ("json", "json")):
            (folder / f"drift.{ending}").write_text(texts[kind](found), "utf-8")
    if found or not (silent or unread):
        typer.echo(text, nl=not text.endswith("\n"))
    if silent or unread:
        raise fail("not compared: " + "; ".join([*silent, *unread]), UNREACHABLE)
    raise typer.Exit(FINDINGS if found else 0)


def _by_cluster(stacks: Sequence[Stack]) -> dict[tuple[str, str], list[Stack]]:
    found: dict[tuple[str, str], list[Stack]] = {}
    for stack in stacks:
        found.setdefault((stack.environment, stack.cluster), []).append(stack)
    return found


def _applied(records: Mapping[str, StackRecord], stacks: Sequence[Stack]) -> dict[str, Applied]:
    """`prod.eu.business/lead-scorer`, or the stack's name for what is not an agent's → what was applied last."""
    found: dict[str, Applied] = {}
    for stack in stacks:
        record = records[stack.name]
        for name, one in {**record.platform, **record.pool, **record.agents}.items():
            if isinstance(one, Applied):
                place = stack.name.rpartition(".")[0] if stack.kind == "shard" else stack.name
                found[f"{place}/{name}" if stack.kind == "shard" else place] = one
    return found


def _unread(stack: Stack, stacks: Sequence[Stack], records: Mapping[str, StackRecord]) -> bool:
    """Whether a stack of the same pool cannot be read, so that nothing in its namespace counts as unexplained."""
    return any(records[one.name].failure for one in stacks if one.pool == stack.pool)


def _whole(fleet: Fleet, stacks: Sequence[Stack]) -> set[str]:
    """The namespaces of the stacks' pools."""
    return {
        namespace(stack.pool, fleet.catalog.pools[stack.pool], fleet.catalog.environments[stack.environment])
        for stack in stacks
        if stack.pool
    }
