"""Whole projects and their program under mocks are another folder's subject too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("resources", "ci")]
