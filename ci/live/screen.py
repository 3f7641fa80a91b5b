"""What a command shows: lines and tables, with colours on a terminal and plain in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from ci.tables import print_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as RichTable

# Words that a table shows in colour, wherever they begin a cell.
_STYLES: Mapping[str, str] = {
    "failed": "bold red",
    "critical": "bold red",
    "pending": "yellow",
    "deploying": "cyan",
    "scaling": "cyan",
    "warning": "yellow",
    "stopped": "dim",
    "unknown": "dim",
    "-": "dim",
}
_GAP = 2
# Narrower than this nothing is wrapped.
_WRAPPED = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings. `right` are aligned to the right; `spare` are left out, first to last, where room is short.

    `wrapped` take several lines in a cell before that.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    wrapped: tuple[str, ...] = ()

    def without(self, heading: str) -> Table:
        """Without a column."""
        if heading not in self.headings:
            return self
        at = self.headings.index(heading)
        cut = tuple(row[:at] + row[at + 1 :] for row in self.rows)
        return replace(self, headings=self.headings[:at] + self.headings[at + 1 :], rows=cut)

    def without_empty(self) -> Table:
        """Without the columns in which no row has anything."""
        empty = [name for at, name in enumerate(self.headings) if all(row[at] in ("", "-") for row in self.rows)]
        found = self
        for heading in empty:
            found = found.without(heading)
        return found

    def fitting(self, width: int) -> Table:
        """Without as many spare columns as do not fit into a line."""
        found = self
        for heading in self.spare:
            if found.width() <= width:
                break
            found = found.without(heading)
        return found

    def width(self) -> int:
        """How many characters wide it is at the least."""
        widths = [max(len(row[at]) for row in (self.headings, *self.rows)) for at in range(len(self.headings))]
        wrapped = [name in self.wrapped for name in self.headings]
        widths = [min(width, _WRAPPED) if wraps else width for width, wraps in zip(widths, wrapped, strict=True)]
        return sum(widths) + _GAP * (len(widths) - 1)


Screen = Sequence[str | Table]


def show(screen: Screen) -> None:
    """Prints it on standard output."""
    if sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        console.print(drawn(screen, console.width))
        return
    for part in screen:
        if isinstance(part, Table):
            print_table(part.headings, part.rows, part.right)
        else:
            typer.echo(part)


def drawn(screen: Screen, width: int) -> RenderableType:
    """As Rich draws it."""
    from rich.console import Group
    from rich.text import Text

    return Group(*(_drawn(part.fitting(width)) if isinstance(part, Table) else Text(part) for part in screen))


def _drawn(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    made = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading in table.headings:
        right = heading in table.right
        wrapped = heading in table.wrapped
        made.add_column(heading, justify="right" if right else "left", no_wrap=not wrapped, overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    return made


def _style(cell: str) -> str:
    return _STYLES.get(cell.partition(" ")[0], "")
