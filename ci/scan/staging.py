"""Lays out what scanners read: one object a file, under numbers, so that no name decides whether a file is read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.scan.build_files import WORKFLOWS
from ci.scan.piece import Piece

# A comment that makes a detector of secrets look away; in texts of others it counts for nothing.
_PRAGMA = re.compile(r"(?i)\bpragma:")
_MOST_A_FOLDER = 500


@dataclass(slots=True)
class Group:
    """A folder that is read in one go: a pool's objects in an environment, build files, or copies to find secrets in.

    `witnesses`: of copies, the made-up key that stands in the last line of each.
    """

    name: str
    folder: Path
    files: dict[Path, Piece] = field(default_factory=dict)
    witnesses: dict[Path, str] = field(default_factory=dict)

    @property
    def pieces(self) -> list[Piece]:
        """In the order of the files."""
        return list(self.files.values())


@dataclass(slots=True)
class Staged:
    """`objects` and `build` hold pieces as they are; `secrets` hold copies, each with a witness in its last line."""

    folder: Path
    objects: list[Group] = field(default_factory=list)
    build: list[Group] = field(default_factory=list)
    secrets: list[Group] = field(default_factory=list)


def stage(folder: Path, pieces: Sequence[Piece]) -> Staged:
    """Writes all pieces below `folder`, which is empty."""
    staged = Staged(folder)
    by_pool: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.kind == "object":
            by_pool.setdefault(f"{piece.environment}/{piece.pool or '(platform)'}", []).append(piece)
    for number, (name, members) in enumerate(by_pool.items()):
        staged.objects.append(_group(name, folder / f"objects-{number:04}", members))
    files = [piece for piece in pieces if piece.kind != "object"]
    if files:
        staged.build.append(_group("Dockerfiles and workflows", folder / "build", files))
    own = [piece for piece in pieces if not piece.context]
    for start in range(0, len(own), _MOST_A_FOLDER):
        group = Group("secrets", folder / f"secrets-{start // _MOST_A_FOLDER:04}")
        for number, piece in enumerate(own[start : start + _MOST_A_FOLDER]):
            file = group.folder / _copy_name(piece, number)
            group.witnesses[file] = key = _made_up_key(start + number)
            _write(file, _with_witness(piece, key))
            group.files[file] = piece
        staged.secrets.append(group)
    return staged


def _made_up_key(number: int) -> str:
    """Of the shape of a cloud's access key, and nobody's."""
    return "AKIA" + base64.b32encode(hashlib.sha256(f"witness {number}".encode()).digest()).decode()[:16]


def _with_witness(piece: Piece, key: str) -> str:
    """The text with a made-up key behind it: a scanner that does not find that one has not read the file."""
    text = _PRAGMA.sub(lambda found: found[0][:-1] + " ", piece.text)
    line = f"# {key}" if piece.kind == "dockerfile" else f"roster-scan-witness: {key}"
    return f"{text.rstrip()}\n{line}\n"


def _group(name: str, folder: Path, pieces: Iterable[Piece]) -> Group:
    group = Group(name, folder)
    for number, piece in enumerate(pieces):
        file = folder / _file_name(piece, number)
        _write(file, piece.text)
        group.files[file] = piece
    return group


def _file_name(piece: Piece, number: int) -> str:
    if piece.kind == "object":
        return f"{number:06}.yaml"
    return f"{number:06}/Dockerfile" if piece.kind == "dockerfile" else f"{WORKFLOWS}/{number:06}.yaml"


def _copy_name(piece: Piece, number: int) -> str:
    return f"{number:06}/Dockerfile" if piece.kind == "dockerfile" else f"{number:06}.yaml"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
