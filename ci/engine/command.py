"""The Pulumi CLI in a project: one command at a time, to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ci.engine.backend import Backend, open_backend
from ci.engine.failure import EngineError
from ci.engine.program import Engine, find_engine

# For every run: no word of a newer version, and no colour codes in what is parsed and kept.
QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
# Reading or writing one stack's state; a run that applies has no limit but those of its resources.
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended; `code` is negative for the signal that ended it."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that was said."""
        return f"{self.stdout}\n{self.stderr}"


@dataclass(frozen=True, slots=True)
class Pulumi:
    """The CLI in a project: `top` is the folder of Pulumi.yaml. All that drives it takes one of these."""

    engine: Engine
    backend: Backend
    top: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def variables(self) -> dict[str, str]:
        """The environment of every run."""
        return {**self.environ, **self.backend.variables, **QUIET}

    def run(
        self, arguments: Sequence[str], *, stack: str = "", given: str | None = None, seconds: float = _SECONDS
    ) -> Done:
        """Runs one command to its end, whatever its exit code; `given` is its standard input.

        Raises EngineError `unreachable-backend` when it takes more than `seconds`.
        """
        command = [str(self.engine.path), *arguments, "--non-interactive", "--color", "never"]
        command += ["--stack", stack] if stack else []
        feed: Mapping[str, object] = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
        try:
            done = subprocess.run(
                command,
                cwd=self.top,
                env=self.variables(),
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
                **feed,  # type: ignore[call-overload]
            )
        except subprocess.TimeoutExpired as error:
            what = " ".join(["pulumi", *arguments[:2], stack])
            raise EngineError(
                "unreachable-backend", f"`{what.strip()}` was given up after {seconds:.0f} s: the backend is too slow"
            ) from error
        except OSError as error:
            raise EngineError("broken", f"{self.engine.path} cannot be run: {error.strerror}") from error
        return Done(done.returncode, done.stdout, done.stderr)


def open_pulumi(top: Path, environ: Mapping[str, str] = os.environ) -> Pulumi:
    """The CLI, its version looked at, and a backend that has answered. Raises EngineError; nothing was touched then."""
    engine = find_engine(environ)
    return Pulumi(engine, open_backend(engine, top, environ), top, environ)
