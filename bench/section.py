"""Sections of bench/README.md that benchmarks write, between `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).with_name("README.md")


def write_section(name: str, text: str, path: Path = README) -> None:
    """Replaces a section. Raises ValueError where the file has none of this name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = path.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no section {name}")
    path.write_text(f"{before}{begin}\n{text}{end}{after}", "utf-8")
