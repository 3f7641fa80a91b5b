"""`python -m agent`: reads the environment, listens, and serves until it is told to end."""

from __future__ import annotations

import logging
import os
import resource
import socket
import sys
from pathlib import Path

import uvicorn

from agent import logs, telemetry
from agent.connections import Idle, guarded
from agent.drain import Drain, Server
from agent.logs import say
from agent.service import Service

# Longer than a gateway keeps an idle connection, or it would use one that is being closed.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


def main() -> int:
    """The exit code: 0 after a drain, 2 when the environment is wrong."""
    lines = logs.set_up(os.environ.get("LOG_LEVEL", "INFO"))
    try:
        port = int(os.environ.get("PORT") or 8080)
        drain = Drain(_seconds("AGENT_DRAIN_SECONDS", 5), _seconds("AGENT_GRACE_SECONDS", 40))
        listening = _listen(os.environ.get("HOST", ""), port)
    except (ValueError, OSError, OverflowError) as error:
        say(logging.ERROR, f"Cannot start: {error}")
        return 2
    _raise_open_files()
    idle = Idle()
    service = Service(
        Path(os.environ.get("AGENT_CONFIG", "/etc/agent")),
        Path(os.environ.get("AGENT_SECRETS", "/etc/agent-secrets")),
        lines,
        telemetry.set_up(),
        drain,
        idle,
    )
    config = uvicorn.Config(
        service.app,
        http=guarded(idle),
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    host, bound = listening.getsockname()[:2]
    say(logging.INFO, "Listening", host=host, port=bound)
    Server(config, drain).run(sockets=[listening])
    say(logging.INFO, "Ended")
    return 0


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value < 86_400:
        raise ValueError(f"{name} must be a number of seconds, not {text!r}")
    return value


def _listen(host: str, port: int) -> socket.socket:
    """All addresses of both families when no host is given."""
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 a pod's own network


def _raise_open_files() -> None:
    """Each connection is an open file; the soft limit of many systems is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
