"""Catalog templates: {placeholders} and what they stand for."""

from __future__ import annotations

import re
from typing import Any

from components.definition.load_agent import LoadedAgent
from components.resolve.resolved import (
    LanguageModel,
)

PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")


def fill(template: str, words: dict[str, str]) -> str:
    """A catalog template with its {placeholders} filled in; the catalog check has seen that they are known."""
    return PLACEHOLDER.sub(lambda match: words[match[1]], template) if "{" in template else template


def fill_queue(template: str, name: str, length: int) -> str:
    """A queue's template with its name, and the messages for each pod."""
    return template.replace("{name}", name).replace("{length}", str(length))


def words_of(
    agent: LoadedAgent,
    environment: str,
    namespace: str,
    port: int,
    model: LanguageModel | None,
    merged: dict[str, Any],
) -> dict[str, str]:
    budget = merged.get("budget") or {}
    return {
        "name": agent.name,
        "pool": agent.pool,
        "environment": environment,
        "namespace": namespace,
        "owner": agent.raw["owner"],
        "port": str(port),
        "model.provider": model.provider if model else "",
        "model.name": model.name if model else "",
        "model.max_tokens": str(model.max_tokens) if model else "",
        "model.temperature": str(model.temperature) if model and model.temperature is not None else "",
        "budget.tokens_per_day": str(budget.get("tokens_per_day", "")),
        "budget.cost_per_day": str(budget.get("cost_per_day", "")),
    }


def known_placeholders() -> frozenset[str]:
    """The words that catalog templates may use in braces."""
    nobody = LoadedAgent("", "", None, {"owner": ""}, {}, {}, {})  # type: ignore[arg-type]
    return frozenset(words_of(nobody, "", "", 0, None, {}))
