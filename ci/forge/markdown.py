"""Markdown that others wrote, made harmless: it mentions nobody, hides nothing, and is never longer than allowed."""

from __future__ import annotations

import re
from unicodedata import category

# GitHub cuts a comment off, or refuses it, at 65,536 characters.
MOST_CHARACTERS = 65_536
# It is not seen, and keeps what stands around it from being read as one.
_GAP = "\u200b"
# Line ends, tabs, and what joins emoji.
_HARMLESS_SIGNS = "\n\t\u200d" + _GAP
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9_-])")
# GitHub looks for mentions in what is rendered, so an at sign may be spelled as an entity.
_ENTITY = re.compile(r"&(?=#0*64;|#[xX]0*40;|commat;)")
_COMMENT = re.compile(r"<(?=!--)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_DETAILS = re.compile(r"^<(/?)details\b", re.MULTILINE | re.IGNORECASE)
_ROOM_FOR_ENDS = 400


def marker(name: str) -> str:
    """The line, hidden in a comment or an issue, by which it is found again."""
    return f"<!-- roster:{name} -->"


def harmless(text: str) -> str:
    """The text with mentions defused and HTML comments shown as text, so that none of them is a marker."""
    text = "".join("\ufffd" if _unseen(one) else one for one in text.replace("\r\n", "\n"))
    for pattern in (_COMMENT, _ENTITY):
        text = pattern.sub(lambda found: found[0] + _GAP, text)
    return _MENTION.sub("@" + _GAP, text)


def _unseen(sign: str) -> bool:
    """Whether a sign steers what is shown and is not shown itself, such as one that turns the direction of a line."""
    return sign not in _HARMLESS_SIGNS and category(sign) in ("Cc", "Cf", "Cs")


def cell(text: str, most: int = 300) -> str:
    """A text as one cell of a table."""
    line = " ".join(text.split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def body_of(name: str, text: str, pointer: str = "", most: int = MOST_CHARACTERS) -> str:
    """A whole comment: its marker, then the harmless text, cut where a part of it ends when it is too long.

    `pointer` says where the whole is, in a few words.
    """
    head = marker(name) + "\n"
    text = harmless(text).strip() + "\n"
    if _length(head + text) <= most:
        return head + text
    kept = _cut(text, most - _length(head) - _length(harmless(pointer)) - _ROOM_FOR_ENDS)
    where = f" {harmless(pointer)}" if pointer else " The whole is in the run's artifacts."
    return f"{head}{kept}\n\n**{_length(text) - _length(kept):,} characters do not fit here.**{where}\n"


def _length(text: str) -> int:
    """As GitHub may count: in UTF-16, where an emoji is two."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str, room: int) -> str:
    """The text's beginning, up to the end of a paragraph, a line or, if there is none, anywhere; then well closed."""
    kept = text.encode("utf-16-le", "replace")[: 2 * room].decode("utf-16-le", "ignore")
    for end in ("\n\n", "\n"):
        place = kept.rfind(end)
        # A paragraph that is half of what fits is not given up for a clean end.
        if place > len(kept) // 2:
            kept = kept[:place]
            break
    fence = ""
    for found in _FENCE.finditer(kept):
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    kept = f"{kept}\n{fence}" if fence else kept
    opened = sum(-1 if one[1] else 1 for one in _DETAILS.finditer(kept))
    return kept + "\n\n</details>" * max(0, opened)
