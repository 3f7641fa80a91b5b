"""`roster set`, `unset`, `scale`, `suspend`, `resume`, `restart`: edits of one definition's text."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ci.commands.proposal import Proposal, propose
from ci.commands.session import CLEAN, environment_of, fail, open_fleet, path_of
from ci.edit_yaml import MISSING, EditError, Value, delete_value, get_value, parse_assignment, set_value
from components.definition.tree import FileProblem
from components.facts import Facts
from components.fleet import Fleet

Path = tuple[str, ...]


def run_set(agent: str, assignments: list[str], environment: str, dry_run: bool) -> None:
    """Sets fields, in the agent's override of `environment` where one is given."""

    def edit(text: str, prefix: Path) -> str:
        for assignment in assignments:
            path, value = parse_assignment(assignment)
            text = set_value(text, (*prefix, *path), value)
        return text

    _edit(agent, environment, dry_run, edit, f"set {' '.join(_field(one) for one in assignments)} of")


def run_unset(agent: str, fields: list[str], environment: str, dry_run: bool) -> None:
    """Takes fields out, so that the layer below decides."""

    def edit(text: str, prefix: Path) -> str:
        for field in fields:
            path, _ = parse_assignment(f"{field}=0")
            text = delete_value(text, (*prefix, *path))
        return text

    _edit(agent, environment, dry_run, edit, f"unset {' '.join(fields)} of")


def run_scale(agent: str, count: int | None, least: int | None, most: int | None, environment: str, dry: bool) -> None:
    """Sets how many pods run: a fixed number, or bounds."""
    if (count is None) == (least is None and most is None):
        raise fail("give a number of pods, or --min and --max")
    bounds = (("min", least if count is None else count), ("max", most if count is None else count))

    def edit(text: str, prefix: Path) -> str:
        for name, value in bounds:
            if value is not None:
                text = set_value(text, (*prefix, "scaling", name), value)
        return text

    _edit(agent, environment, dry, edit, "scale", _say_scale)


def run_suspend(agent: str, environment: str, dry_run: bool) -> None:
    """Stops the agent: no pods, no traffic; the definition stays."""

    def edit(text: str, prefix: Path) -> str:
        return set_value(text, (*prefix, "suspended"), True)

    _edit(agent, environment, dry_run, edit, "suspend", _say_suspended)


def run_resume(agent: str, environment: str, dry_run: bool) -> None:
    """Takes a suspension back, everywhere or in one environment."""

    def edit(text: str, prefix: Path) -> str:
        if prefix:
            text = _without(text, (*prefix, "suspended"))
            return set_value(text, (*prefix, "suspended"), False) if get_value(text, ("suspended",)) is True else text
        for one in ((), *(("overrides", name) for name in _overrides(text))):
            text = _without(text, (*one, "suspended"))
        return text

    _edit(agent, environment, dry_run, edit, "resume", _say_suspended)


def run_restart(agent: str, environment: str, dry_run: bool) -> None:
    """Raises `restarts`, which restarts the pods."""

    def edit(text: str, prefix: Path) -> str:
        places: list[Path] = [prefix]
        if not prefix:  # an override would hide the number of the agent
            overrides = (("overrides", name) for name in _overrides(text))
            places += [one for one in overrides if get_value(text, (*one, "restarts")) is not MISSING]
        for place in places:
            text = set_value(text, (*place, "restarts"), _count(text, (*place, "restarts")) + 1)
        return text

    _edit(agent, environment, dry_run, edit, "restart")


def _edit(
    agent: str,
    environment: str,
    dry_run: bool,
    edit: Callable[[str, Path], str],
    title: str,
    say: Callable[[list[Facts]], None] | None = None,
) -> None:
    fleet = open_fleet()
    path = path_of(fleet, agent)
    prefix = ("overrides", environment_of(fleet, environment)) if environment else ()
    text = text_of(fleet, path)
    try:
        edited = edit(text, prefix)
    except EditError as error:
        raise fail(f"{path}: {error}") from error
    if edited == text:
        typer.echo(f"{path} says so already; nothing to change")
        if say is not None:
            say(fleet.examine(path).facts())
        raise typer.Exit(CLEAN)
    name = path.rsplit("/", 1)[1].removesuffix(".yaml")
    where = f" in {environment}" if environment else ""
    propose(fleet, Proposal({path: edited.encode()}, f"{title} {name}{where}"), dry_run, say)


def text_of(fleet: Fleet, path: str) -> str:
    """A definition's text as it stands on disk. Exits with 2 when it cannot be read."""
    try:
        return fleet.tree.read(path).decode()
    except FileProblem as problem:
        raise fail(problem.message) from problem
    except UnicodeDecodeError as error:
        raise fail(f"{path} is not UTF-8; save it as UTF-8") from error


def _field(assignment: str) -> str:
    return assignment.split("=", 1)[0]


def _without(text: str, path: Path) -> str:
    return text if get_value(text, path) is MISSING else delete_value(text, path)


def _overrides(text: str) -> list[str]:
    value = get_value(text, ("overrides",))
    return [name for name, settings in value.items() if settings] if isinstance(value, dict) else []


def _count(text: str, path: Path) -> int:
    value: Value | object = get_value(text, path)
    if value is MISSING:
        value = get_value(text, ("restarts",))  # what an override without its own counts from
    return value if isinstance(value, int) else 0


def _say_scale(facts: list[Facts]) -> None:
    typer.echo("pods: " + ", ".join(f"{one.environment} {one.pods_min}–{one.pods_max}" for one in facts))


def _say_suspended(facts: list[Facts]) -> None:
    for one in facts:
        typer.echo(f"{one.environment}: {f'suspended by {one.suspended}' if one.suspended else 'runs'}")
