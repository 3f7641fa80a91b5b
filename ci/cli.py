"""The `roster` command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ci import completion
from ci.cli_forge import forge
from ci.cli_images import images
from ci.cli_operations import operations
from ci.cli_security import security

app = typer.Typer(
    name="roster",
    help="Run a fleet of AI agents on Kubernetes from YAML in Git. Definitions lie in agents/POOL/AGENT.yaml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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


Environment = Annotated[str, typer.Option("--environment", "-e", help="An environment of the catalog.")]
Today = Annotated[str, typer.Option("--today", help="The day that expiry dates are held against, YYYY-MM-DD.")]
Agent = Annotated[
    str,
    typer.Argument(metavar="AGENT", help="By name, pool/name or path.", autocompletion=completion.agents),
]
OneEnvironment = Annotated[
    str,
    typer.Option(
        "--environment", "-e", help="Just in this environment of the catalog.", autocompletion=completion.environments
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference and write nothing.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Only findings in these files and folders.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    schemas: Annotated[bool, typer.Option(help="Hold every object against Kubernetes' schemas.")] = True,
    today: Today = "",
) -> None:
    """Say everything that is wrong, at once, with file, line and column. Exit 0 clean, 1 findings, 2 usage."""
    from ci.commands.check import run

    run(paths or [], output.value, schemas, today)


@app.command()
def render(
    environment: Annotated[str, typer.Option("--environment", "-e", help="One environment; all with none.")] = "",
    agents: Annotated[list[str] | None, typer.Argument(help="Just these agents; the rest of the folder stays.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for -e; out/ENVIRONMENT with none.")
    ] = None,
    today: Today = "",
) -> None:
    """Write manifests: one folder an environment, one a pool, one file an agent, one document an object."""
    from ci.commands.render import run

    run(environment, agents or [], folder, today)


@app.command()
def plan(
    base: Annotated[str, typer.Option(help="The branch or commit to compare with.")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="One environment; all with none.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the report; out/plan with none.")
    ] = None,
    output: Annotated[PlanFormat, typer.Option("--format", help="What is printed; all are written.")] = PlanFormat.TEXT,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Many agents (over 25, over 10 %, a whole pool) are meant to go.")
    ] = False,
    today: Today = "",
) -> None:
    """Say what changes: agents, pods that restart and why, hosts, secrets, cost. Exit 3 when many would be removed."""
    from ci.commands.plan import run

    run(base, environment, folder, output.value, today, allow_removals)


@app.command()
def explain(agent: Agent, environment: OneEnvironment = "", as_json: Json = False) -> None:
    """Show an agent as it runs, each value with its file and line.

    Without -e: as in the last environment, in order of promotion, that it runs in.
    """
    from ci.commands.explain import run

    run(agent, environment, as_json)


@app.command(name="list")
def list_agents(
    where: Annotated[
        list[str] | None,
        typer.Option("--where", "-w", help="field=value, field!=value, field~part, cost>=100; all must hold."),
    ] = None,
    environment: OneEnvironment = "",
    as_json: Json = False,
) -> None:
    """Show the fleet: who runs what, on which model, for how much.

    roster list --where model.name=claude-sonnet-4-5 --where channel=telegram
    """
    from ci.commands.list import run

    run(where or [], environment, as_json)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The agent's name: lower-case letters, digits, hyphens.")],
    pool: Annotated[str, typer.Option("--pool", help="A pool of the catalog.", autocompletion=completion.pools)],
    runtime: Annotated[
        str, typer.Option("--runtime", help="A runtime of the catalog.", autocompletion=completion.runtimes)
    ],
    owner: Annotated[
        str, typer.Option("--owner", help="A team; the pool's with none.", autocompletion=completion.teams)
    ] = "",
    description: Annotated[str, typer.Option("--description", help="What it is for, in a sentence.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Write a small, commented, valid definition. Nothing that is there is overwritten."""
    from ci.commands.new import run

    run(name, pool, runtime, owner, description, dry_run)


@app.command(name="set")
def set_fields(
    agent: Agent,
    assignments: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE...", help="Such as model.max_tokens=2000.")],
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Set fields of a definition; every other byte stays.

    roster set lead-scorer model.name=claude-haiku-4-5 'hosts=[crm.example.com]' -e prod
    """
    from ci.commands.edit import run_set

    run_set(agent, assignments, environment, dry_run)


@app.command()
def unset(
    agent: Agent,
    fields: Annotated[list[str], typer.Argument(metavar="FIELD...", help="Such as scaling.max.")],
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Take fields out, so that tier, pool and environment decide."""
    from ci.commands.edit import run_unset

    run_unset(agent, fields, environment, dry_run)


@app.command()
def scale(
    agent: Agent,
    count: Annotated[int | None, typer.Argument(metavar="[N]", help="A fixed number of pods.")] = None,
    least: Annotated[int | None, typer.Option("--min", help="Pods at the least.")] = None,
    most: Annotated[int | None, typer.Option("--max", help="Pods at the most.")] = None,
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Say how many pods run: a fixed number, or --min and --max."""
    from ci.commands.edit import run_scale

    run_scale(agent, count, least, most, environment, dry_run)


@app.command()
def suspend(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Stop an agent: no pods, no traffic. Its definition stays."""
    from ci.commands.edit import run_suspend

    run_suspend(agent, environment, dry_run)


@app.command()
def resume(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Take a suspension back."""
    from ci.commands.edit import run_resume

    run_resume(agent, environment, dry_run)


@app.command()
def restart(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Restart an agent's pods, by raising its `restarts`."""
    from ci.commands.edit import run_restart

    run_restart(agent, environment, dry_run)


@app.command()
def rollback(
    agent: Agent,
    to: Annotated[str, typer.Option("--to", metavar="REF", help="The commit, tag or branch to go back to.")],
    dry_run: DryRun = False,
) -> None:
    """Put back an agent's files as of a commit.

    The definition and what it names: prompt, character, knowledge, build context."""
    from ci.commands.rollback import run

    run(agent, to, dry_run)


@app.command()
def remove(
    agent: Agent,
    force: Annotated[bool, typer.Option("--force", help="Even while other agents call it.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove an agent's files; refused while other agents call it.

    The definition and the files that only it names."""
    from ci.commands.remove import run

    run(agent, force, dry_run)


@app.command()
def migrate(
    agents: Annotated[
        list[str] | None, typer.Argument(help="Just these agents.", autocompletion=completion.agents)
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Move definitions to the newest `version`, all or none."""
    from ci.commands.migrate import run

    run(agents or [], dry_run)


@app.command()
def schema(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file differs.")] = False,
) -> None:
    """Write the schemas that editors complete and explain with."""
    from ci.commands.schema import run

    run(check_only)


@app.command()
def runbooks(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a page differs.")] = False,
) -> None:
    """Write the page of each alert, after a change of alerts."""
    from ci.commands.runbooks import run

    run(check_only)


Report = Annotated[
    Path | None, typer.Option("--report", help="Folder of report.md, report.json and logs/; below out/ with none.")
]
Wait = Annotated[float, typer.Option("--wait-minutes", help="How long a stack that another run holds is waited for.")]
Stacks = Annotated[
    list[str] | None, typer.Argument(metavar="[STACK]...", help="Just these; all that are touched with none.")
]


@app.command()
def stacks(
    changed_since: Annotated[
        str, typer.Option("--changed-since", metavar="REF", help="Those whose objects differ from this commit's.")
    ] = "",
    since_applied: Annotated[
        bool, typer.Option("--since-applied", help="Those that differ from what they applied last (asks the engine).")
    ] = False,
    environment: OneEnvironment = "",
    as_json: Json = False,
) -> None:
    """Show the stacks: what each holds, and which a change touches and why."""
    from ci.commands.stacks import run

    run(changed_since, since_applied, environment, as_json)


@app.command()
def preview(
    names: Stacks = None,
    changed_since: Annotated[
        str, typer.Option("--changed-since", metavar="REF", help="What this branch touches, instead of what is due.")
    ] = "",
    environment: OneEnvironment = "",
    report: Report = None,
    wait_minutes: Wait = 10,
) -> None:
    """Show what the engine itself would do, in the stacks that are touched. Exit 3 when too many agents would go."""
    from ci.commands.preview import run

    run(names or [], changed_since, environment, report, wait_minutes)


@app.command()
def up(
    names: Stacks = None,
    environment: OneEnvironment = "",
    release: Annotated[
        list[str] | None, typer.Option("--release", metavar="AGENT", help="Try a held agent again.")
    ] = None,
    reviewed: Annotated[
        list[Path] | None, typer.Option("--reviewed", metavar="FILE", help="Records of reviewed plans (reviewed.json).")
    ] = None,
    permission: Annotated[
        Path | None, typer.Option("--permission", metavar="FILE", help="A reviewer's permission that many agents go.")
    ] = None,
    first_only: Annotated[
        bool, typer.Option("--first-only", help="Only kill switches and rollbacks, everywhere, at once.")
    ] = False,
    report: Report = None,
    wait_minutes: Wait = 10,
) -> None:
    """Apply what changed since it was applied last: in order, in waves, each watched before the next.

    Exit 0 done, 1 findings, 3 permission wanted, 4 agents held, 5 locked, 6 out of reach, 7 no engine.
    """
    from ci.commands.up import run

    run(names or [], environment, release or [], reviewed or [], permission, report, wait_minutes, first_only)


@app.command()
def drift(
    environment: OneEnvironment = "",
    output: Annotated[PlanFormat, typer.Option("--format", help="How it is printed.")] = PlanFormat.TEXT,
    report: Annotated[Path | None, typer.Option("--report", help="Folder for drift.md and drift.json.")] = None,
) -> None:
    """Show what differs in the clusters from what was applied last, and who changed it. Exit 1 when something does."""
    from ci.commands.drift import run

    run(environment, output.value, report)


Confirm = Annotated[str, typer.Option("--confirm", metavar="STACK", help="The stack's name, instead of being asked.")]


@app.command()
def destroy(stack: Annotated[str, typer.Argument(help="A stack.")], confirm: Confirm = "") -> None:
    """Delete all objects of a stack, and keep disks. Asks for the stack's name."""
    from ci.commands.destroy import run_destroy

    run_destroy(stack, confirm)


@app.command()
def unlock(
    stack: Annotated[str, typer.Argument(help="A stack.")],
    force: Annotated[bool, typer.Option("--force", help="Even when the lock is young.")] = False,
    confirm: Confirm = "",
) -> None:
    """Take away a lock that a run left behind which is no more. Asks for the stack's name."""
    from ci.commands.destroy import run_unlock

    run_unlock(stack, confirm, force)


@app.command()
def codeowners(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when the file differs.")] = False,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
) -> None:
    """Write .github/CODEOWNERS from the catalog's teams and pools."""
    from ci.commands.codeowners import run

    run(check_only, output.value)


app.add_typer(forge, name="forge")
app.add_typer(images, name="images")
app.add_typer(operations)
app.add_typer(security)


@app.command(name="run")
def run_agent(
    agent: Agent,
    environment: OneEnvironment = "",
    port: Annotated[int, typer.Option("--port", help="Where it listens on this machine.")] = 8080,
    offline: Annotated[
        bool, typer.Option("--offline", help="A stand-in answers in the model's place: no key.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option("--env-file", metavar="FILE", help="Secrets: NAME=value.")] = None,
) -> None:
    """Run an agent's service on this machine with the agent's own config, without a cluster. Ctrl-C ends it."""
    from ci.commands.run import run

    run(agent, environment, port, offline, env_file)


@app.command(name="import")
def import_character(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An elizaOS character, of any version.")],
    pool: Annotated[str, typer.Option("--pool", help="Where the agent goes.", autocompletion=completion.pools)],
    name: Annotated[str, typer.Option("--name", help="The agent's; the character's with none.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="A team; the pool's owner with none.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Write a definition for an elizaOS character, and say what was changed in it. Secrets in it are refused."""
    from ci.commands.import_character import run

    run(file, pool, name, owner, dry_run)


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
