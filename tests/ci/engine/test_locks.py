"""Who holds a lock, read from the CLI's own message."""

from __future__ import annotations

import os
import socket
import subprocess

from ci.engine.locks import Lock, locks_in, waited_out

SAID = """\
error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock \
file with `pulumi cancel`.
  file:///s/.pulumi/locks/organization/roster/dev.a.0/x.json?no_tmp_dir=true: created by ann@runner-7 (pid 4711) at \
2026-11-21T10:00:00Z
  file:///s/.pulumi/locks/organization/roster/dev.a.0/y.json: created by DOMAIN\\b@c@runner-8 (pid 12) at \
2026-11-21T10:00:00+02:00
"""


def test_each_lock_is_read_with_user_host_process_and_time() -> None:
    first, second = locks_in(SAID)
    assert (first.user, first.host, first.pid) == ("ann", "runner-7", 4711)
    assert (second.user, second.host, second.pid) == ("DOMAIN\\b@c", "runner-8", 12)
    assert str(first) == "by ann on runner-7, process 4711, since 2026-11-21 10:00:00 UTC"
    assert str(second).endswith("since 2026-11-21 08:00:00 UTC")


def test_a_lock_of_a_service_is_known_without_its_holder() -> None:
    (lock,) = locks_in("error: [409] Conflict: Another update is currently in progress.")
    assert not lock.dead
    assert "another run" in waited_out("prod.a.0", [lock], 600)


def test_other_messages_are_no_locks() -> None:
    assert locks_in("error: no stack named 'dev.a.0' found") == []


def test_only_a_process_of_this_machine_that_ended_is_dead() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    here = socket.gethostname()
    assert Lock("ann", here, ended.pid).dead
    assert not Lock("ann", here, os.getpid()).dead
    assert not Lock("ann", f"not-{here}", ended.pid).dead


def test_what_is_said_at_the_end_of_waiting_names_holder_time_and_way_out() -> None:
    said = waited_out("dev.a.0", locks_in(SAID)[:1], 600)
    assert "ann on runner-7, process 4711" in said
    assert "600 s" in said
    assert "roster unlock dev.a.0" in said
