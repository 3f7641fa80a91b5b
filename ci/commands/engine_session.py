"""What commands that drive the engine share: opening it, and how its failures end a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ci.commands.session import FINDINGS, fail
from ci.engine.command import Pulumi, open_pulumi
from ci.engine.failure import EngineError, Kind

# What CI can tell apart; see the table in docs/ci.md.
PERMISSION, HELD, LOCKED, UNREACHABLE, NO_ENGINE = 3, 4, 5, 6, 7
ENGINE_CODES: dict[Kind, int] = {
    "missing": NO_ENGINE,
    "too-old": NO_ENGINE,
    "broken": NO_ENGINE,
    "locked": LOCKED,
    "unreachable-backend": UNREACHABLE,
    "backend-refused": UNREACHABLE,
    "no-backend": UNREACHABLE,
    "no-passphrase": UNREACHABLE,
    "unreachable-cluster": UNREACHABLE,
    "wrong-cluster": UNREACHABLE,
    "expired-credentials": UNREACHABLE,
    "failed": HELD,
    "interrupted": 130,
}


def opened(top: Path) -> Pulumi:
    """The engine and its backend. Raises EngineError."""
    return open_pulumi(top)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Ends the command with one message and the exit code of what went wrong."""
    from ci.cluster.kubeconfig import ClusterError

    try:
        yield
    except EngineError as error:
        raise fail(str(error), ENGINE_CODES.get(error.kind, FINDINGS)) from error
    except ClusterError as error:
        raise fail(str(error), UNREACHABLE) from error
    except OSError as error:
        raise fail(f"{error.strerror}: {error.filename}" if error.filename else str(error), FINDINGS) from error
