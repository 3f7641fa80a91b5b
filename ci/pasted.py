"""What `roster check` says of secrets in the fleet's files: all of them, build contexts too, in one run of gitleaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ci.gitleaks import Leak, searching
from components.definition.findings import Finding
from components.definition.reading import secrets_in
from components.definition.tree import FileProblem
from components.fleet import Fleet

RULE = "pasted-secret"


@contextmanager
def pasted(fleet: Fleet) -> Iterator[Callable[[Iterable[Finding]], list[Finding]]]:
    """Begins to search; what it gives waits, and leaves out what the findings that it is given say already.

    Raises GitleaksFailure.
    """
    own: list[Finding] = []

    def write(folder: Path) -> None:
        folder.mkdir()
        made = set()
        for path in fleet.listing.files:
            # What cannot be read is said where it is needed.
            with suppress(FileProblem):
                content = fleet.tree.read(path)
                place = folder / path
                if place.parent not in made:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    made.add(place.parent)
                place.write_bytes(content)
                own.extend(secrets_in(content.decode("utf-8", "replace"), path))

    with searching(write) as leaks:
        yield lambda said: _new(said, [*own, *map(_finding, leaks())])


def _finding(leak: Leak) -> Finding:
    message = (
        f"gitleaks takes what stands here for a secret ({leak.rule}); revoke it, put the new one into the secret "
        "store, and name its path#key. If it is none, write it so that it does not look like one"
    )
    return Finding(leak.file, leak.line, leak.column, RULE, message)


def _new(said: Iterable[Finding], found: Iterable[Finding]) -> list[Finding]:
    """One finding a line."""
    known = {(one.file, one.line) for one in said if one.rule == RULE}
    new = []
    for one in found:
        if (one.file, one.line) not in known:
            known.add((one.file, one.line))
            new.append(one)
    return new
