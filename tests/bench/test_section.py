"""A benchmark writes its own section of the README and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.section import write_section

PAGE = "before\n<!-- one: begin -->\nold\n<!-- one: end -->\nbetween\n<!-- two: begin -->\nkept\n<!-- two: end -->\n"


def test_only_the_named_section_is_written(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE, "utf-8")
    write_section("one", "new\n", page)
    assert page.read_text("utf-8") == PAGE.replace("old", "new")


def test_a_section_that_is_not_there_is_said(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE, "utf-8")
    with pytest.raises(ValueError, match="no section three"):
        write_section("three", "new\n", page)
    assert page.read_text("utf-8") == PAGE
