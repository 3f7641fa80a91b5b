"""The providers' stand-in as a process of its own, for tests that ask it over HTTP."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
PROGRAM = TOP / "ci" / "stand_in" / "provider.py"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in."""

    url: str

    def tell(self, **behaviour: Any) -> dict[str, Any]:
        """Changes how it answers from now on; the names are those of `Behaviour`."""
        return self._control("POST", behaviour)

    def seen(self) -> dict[str, Any]:
        """Counts and the last requests."""
        return self._control("GET")

    def forget(self) -> None:
        """Back to how it started."""
        self._control("DELETE")

    def _control(self, method: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/control", data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            shown: dict[str, Any] = json.load(answer)
        return shown


@contextmanager
def running(python: str, *options: str) -> Iterator[StandIn]:
    """Starts it by a Python that has the service's packages, on a free port; gone at the end."""
    command = [python, str(PROGRAM), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("listening on "), f"the stand-in did not start: {line!r}"
            yield StandIn(line.removeprefix("listening on ").strip())
        finally:
            process.terminate()
