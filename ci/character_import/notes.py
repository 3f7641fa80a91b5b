"""What an import changed or left out, each with its place in the file that was given."""

from __future__ import annotations

from dataclasses import dataclass

from components.definition.pasted_secrets import without_secrets


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One change: `place` is a path such as `settings.voice`, `text` what became of it and why."""

    place: str
    text: str

    def __str__(self) -> str:
        return without_secrets(f"note: {self.place}: {self.text}")


class CannotImport(Exception):  # noqa: N818 - it names what happened
    """The character cannot be imported; each of `problems` says why and what to do."""

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(without_secrets(problem) for problem in problems)
        super().__init__("\n".join(self.problems))


def counted(count: int, one: str, many: str = "") -> str:
    """`1 turn`, `3 turns`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
