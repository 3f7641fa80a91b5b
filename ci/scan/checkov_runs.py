"""Runs Checkov's own command line several times; started by Checkov's Python, and reads its task on standard input.

{"processes": N, "runs": [{"arguments": [word…], "output": FILE}…]}: standard output goes into FILE, standard error into
FILE.errors, the exit code into FILE.exit. Its modules take two seconds to import, and keep what one run found: so they
are imported once, and each run is a fork of its own.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib import import_module
from typing import Any

BROKEN = 70


def main() -> None:
    """Runs all, at most `processes` at a time."""
    task = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    command = import_module("checkov.main").Checkov
    waiting: list[dict[str, Any]] = list(task["runs"])
    running: dict[int, str] = {}
    while waiting or running:
        while waiting and len(running) < task["processes"]:
            run = waiting.pop(0)
            running[_start(command, run)] = run["output"]
        process, status = os.wait()
        if process in running:
            with open(f"{running.pop(process)}.exit", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(str(os.waitstatus_to_exitcode(status)))


def _start(command: Any, run: dict[str, Any]) -> int:
    process = os.fork()
    if process:
        return process
    code = BROKEN
    try:
        for path, descriptor in ((run["output"], 1), (f"{run['output']}.errors", 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        try:
            code = command(argv=run["arguments"]).run() or 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else BROKEN
        sys.stdout.flush()
    finally:
        # Not sys.exit: the fork must not go on with what is the parent's.
        sys.stderr.flush()
        os._exit(code)
    return 0


if __name__ == "__main__":
    main()
