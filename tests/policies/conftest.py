"""The valid manifests as fresh copies that a test may break."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from sample_manifests import CORE, CUSTOM


@pytest.fixture
def core_manifests() -> list[dict[str, Any]]:
    return deepcopy(CORE)


@pytest.fixture
def custom_manifests() -> list[dict[str, Any]]:
    return deepcopy(CUSTOM)


@pytest.fixture
def manifest() -> Callable[[str], dict[str, Any]]:
    """The first valid manifest of a kind."""
    return lambda kind: deepcopy(next(item for item in CORE + CUSTOM if item["kind"] == kind))
