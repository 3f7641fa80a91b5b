"""Captures of what exporters really expose: `series/<exporter>.prom` beside this file, in Prometheus' text format.

A capture is written by the test that makes it, with `--update-golden`, and otherwise compared with what the exporter
exposes now: names, label names, and the values of those labels that have few (`ENUMERATED`). Values of
samples are examples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

SERIES = Path(__file__).parent / "series"
# Labels whose values rules name.
ENUMERATED = frozenset(
    {
        "action",
        "alertstate",
        "check",
        "code",
        "condition",
        "container",
        "cpu",
        "direction",
        "failure_type",
        "integration",
    }
    | {"kind", "metric_name", "metric_target_type", "owner_kind", "phase", "reason", "resource", "scope", "severity"}
    | {"state", "status", "type", "unit"}
)
# What any program says of itself; nothing of ours reads it.
OF_THE_PROCESS = re.compile(r"(go|process|promhttp|python|controller_runtime|workqueue|rest_client|leader)_")


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a series and its value."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    def label(self, name: str) -> str:
        """The label's value; empty when there is none, as for Prometheus."""
        return dict(self.labels).get(name, "")

    @property
    def shape(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What is compared: values of labels that have many are left out."""
        return self.name, tuple((name, value if name in ENUMERATED else "…") for name, value in self.labels)


def samples(text: str) -> list[Sample]:
    """All lines of a text of Prometheus' format, in its order."""
    found = []
    for line in _families(text):
        for family in text_string_to_metric_families(line):
            for one in family.samples:
                found.append(Sample(one.name, tuple(sorted(one.labels.items())), float(one.value)))
    return found


def _families(text: str) -> Iterator[str]:
    """Each sample line alone: the parser gives counters their suffix back only where it sees no TYPE."""
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def captured(exporter: str) -> tuple[Sample, ...]:
    """The samples of a capture."""
    return tuple(samples((SERIES / f"{exporter}.prom").read_text("utf-8")))


def exporters() -> list[str]:
    """Names of all captures."""
    return sorted(path.stem for path in SERIES.glob("*.prom"))


def kept(found: Iterable[Sample], whole: Callable[[Sample], bool] = lambda _: False) -> list[Sample]:
    """What a capture holds: of each metric what is `whole`, and of the rest one line of each shape."""
    chosen: dict[str, list[Sample]] = {}
    for one in found:
        lines = chosen.setdefault(one.name, [])
        if OF_THE_PROCESS.match(one.name):
            continue
        if whole(one) or one.shape not in {other.shape for other in lines}:
            lines.append(one)
    return [one for lines in chosen.values() for one in lines]


def hold(exporter: str, found: list[Sample], made_by: str, update: bool) -> None:
    """Compares the capture with what the exporter exposes now, or writes it. `made_by`: lines of the file's header."""
    path = SERIES / f"{exporter}.prom"
    if update:
        SERIES.mkdir(exist_ok=True)
        lines = [f"# {line}" for line in made_by.splitlines()] + [_line(one) for one in found]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        captured.cache_clear()
    before, now = ({one.shape for one in some} for some in (captured(exporter), found))
    gone, new = ([f"{name}{dict(labels)}" for name, labels in sorted(some)] for some in (before - now, now - before))
    said = [*(f"gone: {one}" for one in gone), *(f"new: {one}" for one in new)]
    assert not said, "\n".join([f"{path.name} differs from what is exposed now; look, then --update-golden", *said])


def _line(one: Sample) -> str:
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels)
    return f"{one.name}{{{labels}}} {one.value:.15g}" if labels else f"{one.name} {one.value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
