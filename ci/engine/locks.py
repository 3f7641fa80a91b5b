"""Locks of stacks: who holds one, whether they still live, and the guarded way out.

File, S3, GCS and Azure backends keep a lock as a file that outlives a run that is killed. Pulumi Cloud keeps leases
that end by themselves.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ci.engine.command import Pulumi
from ci.engine.failure import EngineError
from ci.engine.processes import is_alive
from ci.engine.said import last_words, state_failure

# A run on another machine whose clock is a little off, or that has just begun, is not taken for dead.
YOUNG = timedelta(minutes=10)
_LOCKED = re.compile(r"the stack is currently locked by|\[409\] Conflict: Another update is currently in progress")
_HOLDER = re.compile(r"created by (?P<user>.*)@(?P<host>\S*) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a stack. `host` and `pid` are empty and 0, and `since` None, where the backend does not say."""

    user: str = ""
    host: str = ""
    pid: int = 0
    since: datetime | None = None

    @property
    def here(self) -> bool:
        """Whether its process is, or was, one of this machine."""
        return bool(self.host) and self.host == socket.gethostname()

    @property
    def dead(self) -> bool:
        """Whether its process is known to have ended. What runs elsewhere is never known to have."""
        return self.here and not is_alive(self.pid)

    def __str__(self) -> str:
        if not self.host:
            return "by another run; the backend does not say whose"
        since = f", since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        return f"by {self.user} on {self.host}, process {self.pid}{since}"


def locks_in(text: str) -> list[Lock]:
    """The locks that a message of the CLI names; empty when it is about something else."""
    if not _LOCKED.search(text):
        return []
    found = [Lock(one["user"], one["host"], int(one["pid"]), _time(one["since"])) for one in _HOLDER.finditer(text)]
    return found or [Lock()]


def held_by(pulumi: Pulumi, stack: str) -> list[Lock]:
    """Who holds the stack now; none when nobody does. Raises EngineError when there is no such stack.

    Pulumi has no command that says it. This one takes the lock itself, for a moment, and then finds nothing to do: it
    is to look at a resource that no stack can have.
    """
    nothing = f"urn:pulumi:{stack}::roster::roster:index:None::none"
    done = pulumi.run(["refresh", "--yes", "--skip-preview", "--target", nothing], stack=stack)
    locks = locks_in(done.text)
    if not locks and "no resource named" not in done.text:
        failure = state_failure(stack, done.text)
        kind = failure.kind if failure else "unreachable-backend"
        raise EngineError(kind, failure.message if failure else f"{stack}: {last_words(done.text)}")
    return locks


def release(pulumi: Pulumi, stack: str) -> None:
    """Takes all locks of the stack away. Raises EngineError."""
    done = pulumi.run(["cancel", "--yes"], stack=stack)
    if done.code:
        raise EngineError("locked", f"{stack}: its lock cannot be taken away: {last_words(done.text)}")


def unlock(pulumi: Pulumi, stack: str, confirm: Callable[[str], str], now: datetime, force: bool = False) -> str:
    """`roster unlock STACK`. `confirm` asks a question and returns the answer; returns what was done, in a sentence.

    Raises EngineError `locked` when a holder may still be at work, which `force` overrides, and when the answer is not
    the stack's name.
    """
    locks = held_by(pulumi, stack)
    if not locks:
        return f"{stack} is not locked."
    if not force:
        for lock in locks:
            _refuse_living(stack, lock, now)
    held = "; ".join(map(str, locks))
    question = (
        f"{stack} is locked {held}.\nTwo runs at once may lose what each other records. Is that run over? "
        "The stack's name, to unlock it: "
    )
    if confirm(question).strip() != stack:
        raise EngineError("locked", f"That is not the stack's name; {stack} stays locked {held}.")
    release(pulumi, stack)
    return f"{stack} is unlocked; it was locked {held}."


def waited_out(stack: str, locks: list[Lock], seconds: float) -> str:
    """What to say when a lock was not given back in time."""
    return (
        f"{stack} is locked {'; '.join(map(str, locks))}. It was waited for, {seconds:.0f} s long. "
        f"Nothing was touched; run again when that run is over. If it was killed: roster unlock {stack}"
    )


def _refuse_living(stack: str, lock: Lock, now: datetime) -> None:
    if lock.dead:
        return
    if lock.here:
        raise EngineError("locked", f"{stack} is locked {lock}, which is still running here. Wait for it, or end it.")
    if lock.since is None or now - lock.since < YOUNG:
        raise EngineError(
            "locked",
            f"{stack} is locked {lock}: less than {YOUNG.seconds // 60} minutes, as far as is known, so that run may "
            "be at work. Wait for it; --force unlocks all the same.",
        )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
