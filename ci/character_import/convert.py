"""From the bytes of a character file to the files of an agent."""

from __future__ import annotations

from dataclasses import dataclass

from ci.character_import.character import convert, is_old
from ci.character_import.definition import NewAgent, agent_files, name_from
from ci.character_import.found_secrets import Whereabouts, secret_problems
from ci.character_import.notes import CannotImport, Note
from ci.character_import.settings import split_settings
from ci.character_import.source import read_source
from ci.character_import.wiring import whence, wire
from components.definition.load_catalog import Catalog
from components.definition.places import name_problem


@dataclass(frozen=True, slots=True)
class Imported:
    """The new agent's name, its files by path, and what was changed on the way, in order of place."""

    name: str
    files: dict[str, bytes]
    notes: tuple[Note, ...]


def import_character(data: bytes, file: str, wish: NewAgent, catalog: Catalog, today: str) -> Imported:
    """Converts the character in `data`, which was read from `file`. `wish.name` may be empty: then it is made up.

    `today` is an ISO date. Raises CannotImport with all that is wrong.
    """
    notes: list[Note] = []
    given = read_source(data, file, notes)
    if is_old(given):
        notes.append(Note("the file", "was written for elizaOS before 1.0"))
    name = wish.name or _name(given.get("name"), file)
    agent = f"{wish.pool}/{name}"
    whereabouts = Whereabouts(agent, whence(catalog, agent))
    problems = secret_problems(given, whereabouts)
    if problems:
        raise CannotImport(*(f"{file}: {problem}" for problem in problems))
    split = split_settings(given, whereabouts, notes)
    character = convert(given, split.kept, notes)
    wiring = wire(given, split, "knowledge" in character, catalog, today, notes)
    files = agent_files(NewAgent(name, wish.pool, wish.owner), character, wiring, split)
    return Imported(name, files, tuple(dict.fromkeys(notes)))


def _name(given: object, file: str) -> str:
    stem = file.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    name = name_from(given if isinstance(given, str) else "", stem)
    if not name or name_problem(name):
        raise CannotImport(
            f"{file}: no name of an agent can be made of {given!r} or of the file's; say one with --name"
        )
    return name
