"""The Pulumi program. The stack's name says what it holds (`components.stacks`); nothing is configured a stack.

Everything is read, rendered and decided before the first resource is registered, so an error registers nothing and
Pulumi leaves all objects as they were last applied.
"""

import datetime
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

TOP = Path(__file__).resolve().parent.parent
# Pulumi puts only this folder on the path; the library is that of this checkout, not an installed one.
sys.path.insert(0, str(TOP))

import pulumi  # noqa: E402

from components.definition.findings import InvalidInput  # noqa: E402
from components.definition.tree import FileProblem, WorkTree  # noqa: E402
from components.fleet import Fleet  # noqa: E402
from components.stacks import parse_stack  # noqa: E402
from stacks.choose import Settings, choose, summary  # noqa: E402
from stacks.decisions import RefusedError  # noqa: E402
from stacks.registered import register  # noqa: E402

# By this exit code Pulumi's language host knows that the user was told, and adds no word of an unhandled error.
SAID_ALREADY = 32


def commit() -> str:
    """The commit that the files are of, from the environment variable ROSTER_COMMIT; empty when it is not known."""
    given = os.environ.get("ROSTER_COMMIT", "")
    if not re.fullmatch("([0-9a-f]{7,64})?", given):
        refuse(f"ROSTER_COMMIT is {given!r}, which is no commit: 7 to 64 hexadecimal digits")
    return given


def settings() -> Settings:
    """What the environment's variables and the clock say."""
    return Settings(
        commit=commit(),
        run=os.environ.get("ROSTER_RUN", ""),
        reviewed=os.environ.get("ROSTER_REVIEWED", ""),
        allow_removals=os.environ.get("ROSTER_ALLOW_REMOVALS", ""),
        now=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
        preview=pulumi.runtime.is_dry_run(),
    )


def refuse(why: str) -> NoReturn:
    """Says why, and ends the process at once."""
    pulumi.log.error(f"{why}\nnothing was registered; everything stays as it is")
    # An exception would make the SDK register the stack's outputs as empty, and what was last applied be forgotten.
    os._exit(SAID_ALREADY)


def main() -> None:
    """Decides on the whole stack, then registers it."""
    given = settings()
    try:
        fleet = Fleet.open(WorkTree(TOP))
        stack = parse_stack(pulumi.get_stack(), fleet.catalog)
        if stack.kind == "images":
            build_images(fleet)
            return
        namespace, decisions = choose(fleet, stack, given)
    except InvalidInput as error:
        refuse(str(error))
    except LookupError as error:
        refuse(str(error.args[0]))
    except (RefusedError, FileProblem, ValueError) as error:
        refuse(str(error))
    for line in summary(decisions):
        pulumi.log.info(line)
    export(register(stack, decisions, namespace))


def build_images(fleet: Fleet) -> None:
    """The stack `images`; what it needs is loaded for it alone."""
    from components.builds.contexts import ContextError
    from stacks.images import images_of, register_images

    try:
        images = images_of(fleet)
    except ContextError as error:
        refuse(str(error))
    export(register_images(images, fleet, TOP))


def export(outputs: dict[str, Any]) -> None:
    """The stack's outputs."""
    for output, value in outputs.items():
        pulumi.export(output, value)


main()
