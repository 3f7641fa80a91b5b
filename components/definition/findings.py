"""What is wrong with an input, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from components.definition.pasted_secrets import looks_secret, without_secrets

Severity = Literal["error", "warning"]

_LONGEST_VALUE_SHOWN = 60


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem in one place.

    `file` is relative to the repository's top with forward slashes; `line` and `column` count from 1;
    `rule` is a stable id such as `unknown-key`; `agent` is `pool/name` where the finding concerns one agent.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    severity: Severity = "error"
    agent: str = ""

    def __post_init__(self) -> None:
        # The last guard: names, keys and paths come from files too, and a credential may stand in any of them.
        if looks_secret(self.message):
            object.__setattr__(self, "message", without_secrets(self.message))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.rule}]"


class InvalidInput(Exception):  # noqa: N818 - it names what happened, not a fault of the program
    """Input that cannot be worked on; carries every finding, sorted by place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop the work."""
    return [finding for finding in findings if finding.severity == "error"]


def show(value: object) -> str:
    """A value as it may stand in a message: short, on one line, as a user would write it in YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str) and looks_secret(value):
        return "a value that looks like a secret"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE_SHOWN else f"{text[: _LONGEST_VALUE_SHOWN - 1]}…"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the allowed word closest to `word`, or an empty string when none is close."""
    options = sorted(allowed)
    folded = {option.casefold(): option for option in options}
    close = difflib.get_close_matches(str(word).casefold(), list(folded), n=1, cutoff=0.6)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def one_of(allowed: Iterable[str], most: int = 12) -> str:
    """The allowed words as a list for a message; a long list is cut and says how many more there are."""
    options = sorted(allowed)
    if not options:
        return "nothing (none is defined)"
    more = f" and {len(options) - most} more" if len(options) > most else ""
    return ", ".join(options[:most]) + more
