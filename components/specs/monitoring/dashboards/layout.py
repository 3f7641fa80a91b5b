"""Where panels are: rows below each other, panels from left to right on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from components.specs.monitoring.dashboards.panel import Panel, Row

COLUMNS = 24
TITLE_HEIGHT = 1


@dataclass(frozen=True, slots=True)
class Place:
    """A row's title or a panel, with its number (from 1) and its place in grid units."""

    what: Row | Panel
    number: int
    x: int
    y: int
    width: int
    height: int


def places(rows: tuple[Row, ...]) -> Iterator[Place]:
    """Every row's title and every panel, from the top left; panels that do not fit beside the others wrap."""
    number = y = 0
    for row in rows:
        number += 1
        yield Place(row, number, 0, y, COLUMNS, TITLE_HEIGHT)
        y += TITLE_HEIGHT
        x = 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + row.height
            number += 1
            yield Place(panel, number, x, y, panel.width, row.height)
            x += panel.width
        y += row.height
