"""Looks for a planted value in what was written and said, in every form that it may have taken on the way."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

# Of the planted value nobody may say more than this many characters.
MOST_SAID = 4
_LETTERS = string.ascii_letters + string.digits


def shaped() -> str:
    """A new value of the shape of a provider's key."""
    return "sk-ant-api03-" + _drawn(40)


def shapeless(more: str = "") -> str:
    """A new value of no shape that anybody knows: letters and digits, with `more` in its middle."""
    return f"q{_drawn(11)}{more}{_drawn(12)}z"


def _drawn(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def forms(value: str) -> dict[str, list[bytes]]:
    """How a value may be written: as it is, in JSON, in an address, in base64 behind any bytes, in hexadecimal."""
    data = value.encode()
    encoded = []
    for skipped, cut in ((0, 0), (1, 2), (2, 3)):
        # What stands before and behind decides over the first and the last characters.
        text = base64.b64encode(bytes(skipped) + data).rstrip(b"=")[cut:-2]
        encoded += [text, text.translate(bytes.maketrans(b"+/", b"-_"))]
    return {
        "plain": [data],
        "JSON": [json.dumps(value)[1:-1].encode()],
        "address": [quote(value, safe="").encode(), quote(value).encode()],
        "base64": encoded,
        "hexadecimal": [data.hex().encode(), data.hex().upper().encode()],
    }


def traces(value: str, texts: Mapping[str, str | bytes], *folders: Path) -> list[str]:
    """Where the value is found, and in which form: in texts by their names, and in files' names and contents."""
    places: dict[str, bytes] = {name: text.encode() if isinstance(text, str) else text for name, text in texts.items()}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.exists() else ():
            places[f"the name {path}"] = str(path.relative_to(folder)).encode()
            if path.is_file() and not path.is_symlink():
                places[str(path)] = path.read_bytes()
    return [
        f"{place} ({form})"
        for place, content in places.items()
        for form, written in forms(value).items()
        if any(one in content for one in written)
    ]


def parts_said(value: str, text: str) -> list[str]:
    """The parts of a drawn value that a message repeats, longer than MOST_SAID; its shape's own prefix is none."""
    drawn = value.removeprefix("sk-ant-api03-")
    length = MOST_SAID + 1
    return [part for at in range(len(drawn) - length + 1) if (part := drawn[at : at + length]) in text]
