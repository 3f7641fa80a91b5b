"""Draws the dashboards as pictures, to look at their layout where no Grafana is: with Chromium, and invented figures.

    python -m ci.draw_dashboards agent --out docs/dashboards

Everything but the figures comes from the dashboards' JSON: places, titles, units, thresholds, columns, legends.
"""

from __future__ import annotations

import argparse
import html
import math
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs.monitoring.dashboards import documents

TOP = Path(__file__).parents[1]
WIDTH, UNIT = 1280, 28
SAMPLES, LOOKS = (TOP / "docs/dashboards" / name for name in ("samples.yaml", "picture.css"))
COLOURS = {
    "green": "#73bf69",
    "yellow": "#f2cc0c",
    "red": "#f2495c",
    "blue": "#5794f2",
    "orange": "#ff9830",
    "purple": "#b877d9",
    "text": "#9fa3ab",
}
SERIES = ("green", "yellow", "orange", "blue", "purple")


@dataclass(frozen=True, slots=True)
class Box:
    """A panel, its invented figures, and the room below its title in pixels."""

    panel: dict[str, Any]
    sample: Any
    width: float
    height: float


def page(document: dict[str, Any], samples: dict[str, Any]) -> tuple[str, int]:
    """A dashboard as HTML, and its height in pixels."""
    parts, bottom = [], 0
    for panel in document["panels"]:
        place = panel["gridPos"]
        left, top = (place[key] * size for key, size in (("x", WIDTH / 24), ("y", UNIT)))
        width, height = place["w"] * WIDTH / 24 - 6, place["h"] * UNIT - 6
        at = f"left:{left:.0f}px;top:{top}px;width:{width:.0f}px;height:{height}px"
        bottom = max(bottom, top + height)
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            parts.append(f'<h2 style="{at}">⌄ {title}</h2>')
            continue
        inner = _DRAWN[panel["type"]](Box(panel, samples.get(panel["title"]), width - 20, height - 34))
        unit = "" if panel["type"] == "stat" else f"<i>{panel['fieldConfig']['defaults']['unit']}</i>"
        parts.append(f'<section style="{at}"><h3>{title}{unit}</h3>{inner}</section>')
    links = " · ".join(link["title"] for link in document["links"])
    chosen = "".join(f"<u>{one['label']}: {samples[one['label']]}</u>" for one in document["templating"]["list"])
    named = f"<header>{html.escape(document['title'])}<small>{links}</small><br>{chosen}</header>"
    return (
        f"<meta charset=utf-8><style>{LOOKS.read_text('utf-8')}</style>{named}<main>{''.join(parts)}</main>",
        bottom + 86,
    )


def _stat(box: Box) -> str:
    text, colour = box.sample or ["0", "green"]
    first, _, second = text.partition("\n")
    drawn = (
        ""
        if box.panel["options"]["graphMode"] == "none"
        else _curve(box.panel["id"], 0, box.width, box.height / 3, 0.6, colour)
    )
    graph = f'<svg width="{box.width:.0f}" height="{box.height / 3:.0f}" opacity=".6">{drawn}</svg>'
    return f'<div class=stat style="color:{COLOURS[colour]}">{first}<span>{second or "&nbsp;"}</span></div>{graph}'


def _lines(box: Box) -> str:
    config, width, height = box.panel["fieldConfig"], box.width, box.height - 18
    fixed = [
        (one["matcher"]["options"].strip("/"), prop["value"]["fixedColor"])
        for one in config["overrides"]
        for prop in one["properties"]
        if prop["id"] == "color"
    ]
    drawn = [f'<path d="M0 {height * i / 4:.0f}H{width:.0f}" stroke="#25282e"/>' for i in range(5)]
    legend = []
    for index, name in enumerate(box.sample or [target["legendFormat"] for target in box.panel["targets"]]):
        colour = next((colour for pattern, colour in fixed if re.match(pattern, name)), SERIES[index % len(SERIES)])
        dashed = colour == "text"
        drawn.append(
            f'<path d="M0 {12 + 8 * index}H{width:.0f}" stroke="{COLOURS[colour]}" stroke-dasharray="6"/>'
            if dashed
            else _curve(box.panel["id"], index, width, height, 0.7 - 0.17 * index, colour)
        )
        legend.append(f'<b style="color:{COLOURS[colour]}">—</b>{html.escape(name)}')
    if config["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed":
        drawn.append(f'<path d="M0 10H{width:.0f}" stroke="{COLOURS["red"]}" stroke-dasharray="4"/>')
    graph = f'<svg width="{width:.0f}" height="{height:.0f}" fill=none>{"".join(drawn)}</svg>'
    return f"{graph}<div class=legend>{''.join(legend)}</div>"


def _curve(seed: int, index: int, width: float, height: float, level: float, colour: str) -> str:
    def value(at: float) -> float:
        return level + 0.1 * math.sin(at / 4 + seed) + 0.05 * math.sin(at * 0.8 + seed * 3 + index)

    points = " ".join(f"{width * at / 40:.0f},{height * (1 - value(at)):.0f}" for at in range(41))
    return f'<polyline points="{points}" stroke="{COLOURS[colour]}" stroke-width="1.5" fill="none"/>'


def _bars(box: Box) -> str:
    steps, step = box.panel["fieldConfig"]["defaults"]["thresholds"]["steps"][::-1], box.height / 10
    drawn = []
    for index, name in enumerate(box.sample or [f"agent-{number}" for number in range(1, 11)]):
        colour = COLOURS[steps[min(index // 2, len(steps) - 1)]["color"]]
        shape = (
            f'y="{index * step + 3:.0f}" width="{(box.width - 110) * math.exp(-index / 5):.0f}" height="{step - 6:.0f}"'
        )
        drawn.append(f'<text y="{index * step + 14:.0f}" fill="#9fa3ab" font-size="12">{name}</text>')
        drawn.append(f'<rect x="110" {shape} fill="{colour}" opacity=".75"/>')
    return f'<svg width="{box.width:.0f}" height="{box.height:.0f}">{"".join(drawn)}</svg>'


def _table(box: Box) -> str:
    organized = box.panel["transformations"][-1]["options"]["renameByName"]
    every = ["severity", "alertname", "environment", "namespace", "agent_id", "owner", "Value"]
    cells = [dict(zip(every, row, strict=True)) for row in box.sample or []]
    head = "".join(f"<th>{html.escape(title)}</th>" for title in organized.values())
    rows = [[str(row.get(field, "")) for field in organized] for row in cells] or [["…"] * len(organized)] * 4
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _heatmap(box: Box) -> str:
    across, up = 32, 10
    step, tall = (box.width - 44) / across, box.height / up
    cells = [
        f'<rect x="{44 + step * x:.0f}" y="{tall * y:.0f}" width="{step - 1:.0f}" height="{tall - 1:.0f}"'
        f' fill="#ff9830" opacity="{round(math.exp(-((y - 6 - math.sin(x / 4)) ** 2) / 4), 1)}"/>'
        for x in range(across)
        for y in range(up)
    ]
    marks = [
        f'<text y="{tall * y + 12:.0f}" fill="#9fa3ab" font-size="11">{text}</text>'
        for y, text in ((0, "120 s"), (3, "30 s"), (6, "8 s"), (9, "1 s"))
    ]
    return f'<svg width="{box.width:.0f}" height="{box.height:.0f}">{"".join(cells + marks)}</svg>'


def _logs(box: Box) -> str:
    return f"<pre>{html.escape(chr(10).join(box.sample or ['…']))}</pre>"


_DRAWN = {"stat": _stat, "timeseries": _lines, "bargauge": _bars, "table": _table, "heatmap": _heatmap, "logs": _logs}


def main() -> None:
    """Writes a PNG for each name."""
    parser = argparse.ArgumentParser(description="Draws dashboards as pictures.")
    parser.add_argument(
        "names", nargs="*", default=["agent"], help="overview, agent, pool, security, cost, deployments"
    )
    parser.add_argument("--out", type=Path, default=SAMPLES.parent, help="folder of the pictures")
    wanted = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium is missing: install Debian's package chromium")
    found = documents(Fleet.open(WorkTree(TOP)).catalog)
    for name in wanted.names:
        text, height = page(found[name], yaml.safe_load(SAMPLES.read_text("utf-8")))
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "page.html")
            source.write_text(text, "utf-8")
            options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
            shot = [f"--screenshot={wanted.out.resolve() / name}.png", f"--window-size={WIDTH},{height}"]
            subprocess.run([chromium, *options, *shot, source.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
