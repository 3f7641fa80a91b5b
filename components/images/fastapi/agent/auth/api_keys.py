"""API keys: lines `name:sha256 of the key in hex`."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,99})\s*:\s*([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Names with the hashes of their keys."""

    hashes: tuple[tuple[str, bytes], ...]

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def name_of(self, key: str) -> str | None:
        """Whose key it is. All hashes are looked at, so that the time taken says nothing."""
        given = sha256(key.encode("latin-1", "replace")).digest()
        found: str | None = None
        for name, expected in self.hashes:
            if hmac.compare_digest(given, expected):
                found = name
        return found


def parsed(text: str | None) -> tuple[ApiKeys, list[int]]:
    """The keys of a secret's text, and the numbers of the lines that are none; `#` starts a comment."""
    hashes: list[tuple[str, bytes]] = []
    wrong: list[int] = []
    for number, line in enumerate((text or "").splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if found := _LINE.fullmatch(content):
            hashes.append((found[1], bytes.fromhex(found[2])))
        else:
            wrong.append(number)
    return ApiKeys(tuple(hashes)), wrong
