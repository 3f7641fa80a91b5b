"""A Pushgateway for each test, and five agents that are not deployed yet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[2] / folder) for folder in ("ci", "ci/deploy", "monitoring")]

from reported import IN_MEMORY, opened, small_world
from running_exporters import served
from stand_in import World

from ci.reporting.pushgateway import Pushgateway


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a Pushgateway that knows nothing yet."""
    with served("prometheus-pushgateway", lambda at: [f"--web.listen-address={at}", IN_MEMORY], tmp_path) as found:
        yield found


@pytest.fixture
def gateway(address: str) -> Pushgateway:
    return opened(address)


@pytest.fixture
def world() -> World:
    """Nothing of it is deployed yet."""
    return small_world()
