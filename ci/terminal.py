"""What a terminal can do."""

from __future__ import annotations

from typing import TextIO


def redraws(stream: TextIO) -> bool:
    """Whether what stands there can be drawn anew: a terminal that moves its cursor, which TERM=dumb denies."""
    if not stream.isatty():
        return False
    from rich.console import Console

    return not Console(file=stream).is_dumb_terminal
