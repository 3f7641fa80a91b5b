"""What is wrong with a build context, found before anything of it is sent to a builder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ci.gitleaks import GitleaksFailure, searching
from components.builds.context import Context
from components.builds.materialise import materialise
from components.definition.findings import Finding
from components.definition.pasted_secrets import pasted_secrets

MOST_BYTES = 500_000_000


class CheckFailure(Exception):  # noqa: N818 - what happened, as in `BuildFailure`
    """A context could not be checked, so it must not be built; `str()` is one line that says why and the way out."""


def folder_findings(top: Path, folder: str, dockerfile: str, most_bytes: int = MOST_BYTES) -> list[Finding]:
    """Of the context in `folder` below the repository's `top`: no Dockerfile, links, more than `most_bytes`.

    Reads no file's content, so a context of any size is judged in the time that listing it takes.
    """
    if not (top / folder).is_dir():
        return [Finding(folder, 1, 1, "missing-context", f"there is no folder {folder} to build from")]
    found: list[Finding] = []
    sizes: list[tuple[int, str]] = []
    for entry in _entries(top / folder):
        path = Path(entry.path).relative_to(top).as_posix()
        if entry.is_symlink():
            found.append(Finding(path, 1, 1, "symbolic-link", _link(Path(entry.path), top.resolve())))
        else:
            sizes.append((entry.stat(follow_symlinks=False).st_size, path))
    if f"{folder}/{dockerfile}" not in {path for _, path in sizes}:
        message = f"the build context {folder} holds no file {dockerfile}; add one, or say its name in build.dockerfile"
        found.append(Finding(folder, 1, 1, "missing-dockerfile", message))
    total = sum(size for size, _ in sizes)
    if total > most_bytes:
        size, path = max(sizes)
        message = (
            f"the build context has {_megabytes(total)}, and {_megabytes(most_bytes)} are allowed; the largest file is "
            f"{path} with {_megabytes(size)}. Fetch large data at start, from a volume or an object store"
        )
        found.append(Finding(folder, 1, 1, "context-too-large", message))
    return sorted(found)


def secret_findings(context: Context, folder: str, rules: Path | None = None) -> list[Finding]:
    """Secrets in the very files that would be sent, with their places below `folder`; never the secret itself.

    `rules`: a gitleaks configuration of the platform team's; None: the program's own. Comments and files by which a
    context excuses itself count for nothing. Raises CheckFailure.
    """
    try:
        with searching(lambda place: materialise(context, place), rules) as leaks:
            found = {(one.file, one.line): (one.column, one.rule) for one in leaks()}
    except GitleaksFailure as failure:
        raise CheckFailure(f"{context.name} is not built: {failure}") from None
    # A configuration of the platform team's says what counts and what does not.
    for name, content in context.files.items() if rules is None else ():
        text = content.decode("utf-8", "replace")
        for position, what in pasted_secrets(text):
            place = name, text.count("\n", 0, position) + 1
            found.setdefault(place, (position - text.rfind("\n", 0, position), what))
    return sorted(
        Finding(
            f"{folder}/{file}",
            line,
            column,
            "secret-in-context",
            f"a secret stands here ({what}); revoke it, put the new one into the secret store, and name its path#key",
        )
        for (file, line), (column, what) in found.items()
    )


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files and links below a folder that belong to the context, as `components.definition.tree` counts them."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            else:
                yield entry


def _link(link: Path, top: Path) -> str:
    target = link.readlink()
    # Path.resolve() raises for a circle of links; this one goes as far as it can.
    if Path(os.path.realpath(link)).is_relative_to(top):
        return f"this is a symbolic link to {target}; put the file itself there"
    return f"this is a symbolic link that leads out of the repository, to {target}; put the file itself there"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
