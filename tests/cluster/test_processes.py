"""Nothing that a test started outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from api import wait_until

STARTER = """\
import sys, time
from pathlib import Path
from processes import Service
Service(Path(sys.argv[1]), ["sh", "-c", "echo $$; exec sleep 600"]).start()
time.sleep(600)
"""


def test_services_die_with_a_test_process_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "sh.log"
    where = {"cwd": Path(__file__).parent, "env": {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}}
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], **where) as process:  # type: ignore[call-overload]
        try:
            wait_until("the service runs", lambda: log.exists() and log.read_text().strip(), 20)
            service = int(log.read_text())
            assert _alive(service)
        finally:
            process.send_signal(signal.SIGKILL)
    wait_until("the service is gone", lambda: not _alive(service), 20)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
