"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ci.cli import completion


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


Today = Annotated[str, typer.Option("--today", help="The day that expiry dates are held against, YYYY-MM-DD.")]
Agent = Annotated[
    str,
    typer.Argument(metavar="AGENT", help="By name, pool/name or path.", autocompletion=completion.agents),
]
Agents = Annotated[
    list[str] | None,
    typer.Argument(metavar="[AGENT]...", help="By name, pool/name or path.", autocompletion=completion.agents),
]
Pool = Annotated[str, typer.Option("--pool", help="All of a pool.", autocompletion=completion.pools)]
OneEnvironment = Annotated[
    str,
    typer.Option(
        "--environment", "-e", help="Just in this environment of the catalog.", autocompletion=completion.environments
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference and write nothing.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
