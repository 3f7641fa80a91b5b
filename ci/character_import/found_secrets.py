"""Credentials in a character: each is named by its place, none is repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.definition.pasted_secrets import pasted_secrets, without_secrets

_NAMED_SO = re.compile(
    r"(?:api[_-]?key|private[_-]?key|access[_-]?key|secret|token|password|passwd|passphrase|mnemonic|seed[_-]?phrase|"
    r"cookies?|credentials?|2fa|auth)$",
    re.IGNORECASE,
)
# What people write where a value is to be put in.
_STANDS_FOR_ONE = re.compile(
    r"<.*>|\$?\{.*\}|process\.env\..*|\$[A-Z_]+|your[ _-].*|(?:x|\*|\.){3,}|change-?me|todo|none|null|undefined",
    re.IGNORECASE,
)
# A switch or a small number is no secret, wherever it stands.
_PLAIN = re.compile(r"true|false|[0-9]{1,5}", re.IGNORECASE)


def is_empty(value: Any) -> bool:
    """Whether nothing, or just something to be replaced, stands there."""
    return value is None or (isinstance(value, str) and (not value.strip() or bool(_STANDS_FOR_ONE.fullmatch(value))))


def is_plain(value: Any) -> bool:
    """Whether it is a switch or a small number."""
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and bool(_PLAIN.fullmatch(value)))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where secrets belong: `agent` is pool/name; `known` says for a variable who brings it, and from where."""

    agent: str
    known: Mapping[str, str]

    def way_out(self, variable: str) -> str:
        """What to do about a variable's value."""
        if variable in self.known:
            return f"put it into the secret store; {self.known[variable]}"
        name = variable.lower().replace("_", "-")
        return (
            "put it into the secret store and, after the import, name it in the definition: "
            f"`secrets: {{{variable}: {self.agent}#{name}}}`"
        )


def secret_problems(character: dict[str, Any], whereabouts: Whereabouts) -> list[str]:
    """One line for each value that must not be in Git: its place, what it is, and where it belongs."""
    return list(_problems(character, (), False, whereabouts))


def _problems(value: Any, path: tuple[str, ...], secret: bool, whereabouts: Whereabouts) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            if next(pasted_secrets(key), None):
                yield f"{_place((*path, key))}: a key holds a credential; revoke it, and take it out"
            inside = (*path, key)
            by_name = bool(_NAMED_SO.search(key)) and inside[0] not in _SPOKEN and not isinstance(child, (dict, list))
            yield from _problems(child, inside, secret or inside in _HOLDERS or by_name, whereabouts)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _problems(child, (*path, str(index)), secret, whereabouts)
    elif isinstance(value, str):
        found = next(pasted_secrets(value), None)
        if found:
            yield f"{_place(path)}: {found[1]} stands here; {_way_out(path, whereabouts)}"
        elif secret and not is_empty(value) and not is_plain(value):
            other = "; when it is no secret, move it to `settings`" if path[-2:-1] == ("secrets",) else ""
            yield f"{_place(path)}: a secret's value stands here; {_way_out(path, whereabouts)}{other}"


_HOLDERS = (("secrets",), ("settings", "secrets"))
# A key named `token` in what somebody says is no credential's name.
_SPOKEN = ("messageExamples", "templates")


def _place(path: tuple[str, ...]) -> str:
    return without_secrets(".".join(path))


def _way_out(path: tuple[str, ...], whereabouts: Whereabouts) -> str:
    name = next((part for part in reversed(path) if not part.isdigit()), "")
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return f"revoke it, {whereabouts.way_out(name)}; then empty it here"
    return "revoke it, and take it out"
