"""How many stacks at once a machine bears."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.engine.width import safe_width


@pytest.mark.parametrize(
    ("gib", "cores", "width"),
    [(64, 4, 4), (3.5, 8, 3), (0.4, 8, 1), (2, 1, 1)],
)
def test_cores_and_a_gib_each_bound_it_and_one_always_runs(tmp_path: Path, gib: float, cores: int, width: int) -> None:
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 999999999 kB\nMemAvailable:    {int(gib * 1024**2)} kB\n", "ascii")
    assert safe_width(path, cores) == width


def test_where_memory_is_not_known_half_of_the_cores_are_used(tmp_path: Path) -> None:
    assert safe_width(tmp_path / "none", 8) == 4
    assert safe_width(tmp_path / "none", 1) == 1
