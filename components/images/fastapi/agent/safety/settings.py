"""The settings of the safety layer: `service.safety` in settings.json."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from agent.safety.patterns import wrong_with
from agent.safety.verdict import Action

Kind = Literal["email", "phone", "ssn", "card"]


class SafetySettings(BaseModel):
    """Each check can be off, log, mask or block. Unknown keys are left alone: an older service reads a newer file.

    Raises ValidationError that names a pattern in `pii_patterns` which is no regular expression, matches an empty
    text, or could take too long on some text.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pii: Action = "log"
    """Personal data in tasks."""
    pii_kinds: tuple[Kind, ...] = ("email", "phone", "ssn", "card")
    """Which, in tasks and answers."""
    pii_patterns: dict[str, str] = {}
    """Kinds of one's own, as Python regular expressions; for tasks and answers."""
    injection: Action = "log"
    """Signs of prompt, SQL, script, shell and path injection in tasks."""
    moderation: Action = "off"
    """Content of tasks. What only the provider judges has no place to mask: there, mask blocks."""
    moderation_by: Literal["provider", "words"] = "words"
    words: tuple[str, ...] = ()
    output: Action = "off"
    """Personal data in answers."""

    @field_validator("pii_patterns")
    @classmethod
    def _usable(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            if wrong := wrong_with(pattern):
                raise ValueError(f"{name}: {wrong}")
        return patterns

    def compiled(self) -> dict[str, re.Pattern[str]]:
        """`pii_patterns`, ready to search."""
        return {name: re.compile(pattern) for name, pattern in self.pii_patterns.items()}
