"""Tables: drawn by Rich on a terminal, plain aligned text in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import typer


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Prints rows under headings; the columns named by `right` are aligned to the right."""
    if sys.stdout.isatty():
        _draw(headings, rows, right)
        return
    widths = [max(len(row[index]) for row in (headings, *rows)) for index in range(len(headings))]
    for row in (headings, *rows):
        cells = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for cell, width, heading in zip(row, widths, headings, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())


def print_groups(groups: Mapping[str, Sequence[tuple[str, str, str, str]]]) -> None:
    """Prints rows of (name, value, place, source) under the title of their group; empty groups are left out."""
    filled = {title: rows for title, rows in groups.items() if rows}
    if sys.stdout.isatty():
        _draw_groups(filled)
        return
    rows = [row for group in filled.values() for row in group]
    widths = [min(most, max(len(row[index]) for row in rows)) for index, most in ((0, 40), (1, 60), (2, 60))]
    for title, group in filled.items():
        typer.echo(f"\n{title}")
        for row in group:
            cells = [cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)]
            typer.echo(f"  {'  '.join(cells)}".rstrip())


def _draw_groups(groups: Mapping[str, Sequence[tuple[str, str, str, str]]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold", ratio=3)
    table.add_column(overflow="fold", ratio=5)
    table.add_column(overflow="fold", ratio=5)
    for title, group in groups.items():
        table.add_row()
        table.add_row(Text(title, style="bold"))
        for name, value, place, source in group:
            table.add_row(f"  {name}", Text(value), Text(f"{place}  {source}".rstrip(), style="dim"))
    Console().print(table)


def _draw(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
