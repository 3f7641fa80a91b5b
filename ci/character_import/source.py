"""Reads the file that is imported: one JSON object that looks like an elizaOS character."""

from __future__ import annotations

from typing import Any

from ci.character_import.notes import CannotImport, Note
from components.definition.json_reader import read_json

MOST_BYTES = 4 << 20
_UTF8_BOM, _OTHER_BOMS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
# A file with none of these is something else, a package.json for example.
_TELLING = frozenset(
    ("bio", "lore", "system", "messageExamples", "postExamples", "style", "adjectives", "modelProvider", "clients")
)


def read_source(data: bytes, file: str, notes: list[Note]) -> dict[str, Any]:
    """The character as it was written. JSON with comments or trailing commas is refused, as elizaOS refuses it.

    Raises CannotImport with every problem and its place.
    """
    if len(data) > MOST_BYTES:
        raise CannotImport(f"{file}: {len(data):,} bytes; a character has at most {MOST_BYTES:,}")
    if data.startswith(_OTHER_BOMS):
        raise CannotImport(f"{file}: the file is UTF-16; save it as UTF-8")
    if data.startswith(_UTF8_BOM):
        data = data.removeprefix(_UTF8_BOM)
        notes.append(Note("the file", "its byte order mark was left out"))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CannotImport(f"{file}: the file is not UTF-8, at byte {error.start}; save it as UTF-8") from error
    document = read_json(text, file)
    twice = [finding for finding in document.findings if finding.rule == "duplicate-key"]
    wrong = [finding for finding in document.findings if finding.rule != "duplicate-key"]
    if wrong:
        raise CannotImport(*(str(finding) for finding in wrong))
    notes += [Note(f"line {one.line}", f"{one.message}; the last one counts, as for elizaOS") for one in twice]
    return _single(document.value, file, notes)


def _single(value: Any, file: str, notes: list[Note]) -> dict[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        notes.append(Note("the file", "the list of one character became the character"))
        value = value[0]
    if isinstance(value, list):
        raise CannotImport(f"{file}: a list of {len(value)}; import one character a file")
    if not isinstance(value, dict):
        raise CannotImport(f"{file}: a character is a JSON object, {{…}}")
    if not _TELLING.intersection(value):
        raise CannotImport(f"{file}: no elizaOS character: it has none of {', '.join(sorted(_TELLING))}")
    return value
