"""The system prompt: the agent's own text with its variables filled in, then what it is to know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")


def system_prompt(folder: Path, variables: Mapping[str, Any], knowledge: tuple[str, ...]) -> str:
    """Reads `prompt.md` and the knowledge files of a config folder. ValueError says which file is the trouble."""
    parts = [filled(_text(folder, "prompt.md"), variables).strip()]
    parts += [f"## {PurePosixPath(name).name}\n\n{_text(folder, name).strip()}" for name in knowledge]
    return "\n\n".join(part for part in parts if part)


def filled(template: str, variables: Mapping[str, Any]) -> str:
    """With each `{name}` that a variable fills; one that none fills stays as text."""
    return _PLACEHOLDER.sub(lambda found: str(variables.get(found[1], found[0])), template)


def question(task: str, context: Mapping[str, Any] | None) -> str:
    """What the model is asked: the task, and the context as JSON below it."""
    if not context:
        return task
    return f"{task}\n\nContext:\n{json.dumps(context, ensure_ascii=False, separators=(',', ':'))}"


def _text(folder: Path, name: str) -> str:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise ValueError(f"{name}: must be a path inside the config folder")
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{name}: {error.strerror}") from None
