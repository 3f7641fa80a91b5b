"""Turns rendered files into a Helm chart and a values file that make the very same objects.

Agents whose files differ only in words share one template, which ranges over them; the words that differ are their
values. Helm gets what it would otherwise compute (a checksum, a joined name) as a value, which is in its favour.

usage: python -m bench.helm_chart RENDERED CHART            writes the chart
       python -m bench.helm_chart RENDERED --same OUTPUT    exit 1 unless `helm template` printed the same objects
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

_WORD = re.compile(r"[A-Za-z0-9.-]+")
_CHART = "apiVersion: v2\nname: fleet\nversion: 1.0.0\n"
_BRACES = '{{ "{{" }}'
Objects = dict[tuple[str, str, str], Any]


def write_chart(rendered: Path, chart: Path) -> None:
    """Writes a chart that makes all objects below `rendered`: a template a kind of agent, one for what is shared."""
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(_CHART, "utf-8")
    values: list[str] = []
    for index, texts in enumerate(_kinds(_agent_files(rendered))):
        template, rows = _template_and_values(texts)
        text = f"{{{{- range .Values.kind{index} }}}}\n---\n{template}{{{{- end }}}}\n"
        (chart / "templates" / f"kind{index}.yaml").write_text(text, "utf-8")
        values += [f"kind{index}:\n", *map(_row, rows)]
    (chart / "values.yaml").write_text("".join(values), "utf-8")
    shared = "---\n".join(path.read_text("utf-8") for path in sorted(rendered.rglob("_*.yaml")))
    (chart / "templates" / "shared.yaml").write_text(shared.replace("{{", _BRACES), "utf-8")


def objects(texts: Iterable[str]) -> Objects:
    """The objects of YAML streams by kind, namespace and name; refuses two of one name."""
    found: Objects = {}
    for text in texts:
        for one in yaml.load_all(text, yaml.CSafeLoader):
            if one is not None:
                key = one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]
                if key in found:
                    raise ValueError(f"{key} twice")
                found[key] = one
    return found


def rendered_objects(rendered: Path) -> Objects:
    """All objects below a folder that `roster render` wrote."""
    return objects(path.read_text("utf-8") for path in sorted(rendered.rglob("*.yaml")))


def _agent_files(rendered: Path) -> list[str]:
    return [path.read_text("utf-8") for path in sorted(rendered.glob("*/*.yaml")) if path.name[0] != "_"]


def _kinds(texts: Iterable[str]) -> list[list[str]]:
    """Texts with the same everything between their words, together."""
    kinds: dict[int, list[str]] = defaultdict(list)
    for text in texts:
        kinds[hash(tuple(_WORD.split(text)))].append(text)
    return list(kinds.values())


def _template_and_values(texts: list[str]) -> tuple[str, list[dict[str, str]]]:
    """The text with a placeholder for each word that is not the same everywhere, and each text's words for them."""
    between = [part.replace("{{", _BRACES) for part in _WORD.split(texts[0])]
    fields: dict[tuple[str, ...], str] = {}
    template = [between[0]]
    columns = zip(*(map(sys.intern, _WORD.findall(text)) for text in texts), strict=True)
    for column, after in zip(columns, between[1:], strict=True):
        same = column.count(column[0]) == len(column)
        template += [column[0] if same else f"{{{{ .{fields.setdefault(column, f'v{len(fields)}')} }}}}", after]
    rows = [dict(zip(fields.values(), row, strict=True)) for row in zip(*fields, strict=True)]
    return "".join(template), rows or [{} for _ in texts]


def _row(row: dict[str, str]) -> str:
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in row.items()]
    return "  - " + "    ".join(lines) if lines else "  - {}\n"


def main() -> None:
    """The command line."""
    if sys.argv[2] != "--same":
        write_chart(Path(sys.argv[1]), Path(sys.argv[2]))
        return
    ours, theirs = rendered_objects(Path(sys.argv[1])), objects([Path(sys.argv[3]).read_text("utf-8")])
    different = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
    print(f"{len(ours)} objects rendered, {len(theirs)} from Helm, {len(different)} differ", *different[:3])
    sys.exit(1 if different or not ours else 0)


if __name__ == "__main__":
    main()
