"""`roster status`, `logs` and `alerts`: what runs in the clusters, and how it fares."""

from __future__ import annotations

from typing import Annotated

import typer

from ci.cli.options import Agent, Agents, Json, OneEnvironment, Pool

operations = typer.Typer(rich_markup_mode=None)

Prometheus = Annotated[str, typer.Option("--prometheus", metavar="URL", help="Instead of the catalog's.")]


@operations.command()
def status(
    agents: Agents = None,
    pool: Pool = "",
    environment: OneEnvironment = "",
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 5 s, until Ctrl-C.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="A line an agent, also where they are hundreds.")] = False,
    as_json: Json = False,
    prometheus: Prometheus = "",
) -> None:
    """Show how agents fare: pods, state and why, last change, requests, errors, latency, cost, alerts.

    Without -e: in every environment whose cluster is in the kubeconfig. Exit 0, 2 usage, 6 something is out of reach.
    """
    from ci.commands.status import run

    run(agents or [], pool, environment, watch, as_json, everything, prometheus)


@operations.command()
def logs(
    agent: Agent,
    environment: OneEnvironment = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Such as 10m or 2h; else the last lines.")] = "",
    errors: Annotated[bool, typer.Option("--errors", help="Just errors, and requests that failed.")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="Of the run before the last restart.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As written, without time and pod in front.")] = False,
) -> None:
    """Show what an agent's pods write. Times are UTC.

    Without -e: in the last environment, in order of promotion, that it runs in. Exit 0, 1 none to be had, 2 usage,
    6 a cluster is out of reach.
    """
    from ci.commands.logs import run

    run(agent, environment, follow, since, errors, previous, as_json)


@operations.command()
def alerts(
    agents: Agents = None,
    pool: Pool = "",
    environment: OneEnvironment = "",
    as_json: Json = False,
    prometheus: Prometheus = "",
    alertmanager: Annotated[str, typer.Option("--alertmanager", metavar="URL", help="Instead of the catalog's.")] = "",
) -> None:
    """Show what fires and what is pending: severity, since when, owner, what it says, runbook; and what is silenced.

    Exit 0 whatever fires, 2 usage, 6 Prometheus or Alertmanager is out of reach.
    """
    from ci.commands.alerts import run

    run(agents or [], pool, environment, as_json, prometheus, alertmanager)
