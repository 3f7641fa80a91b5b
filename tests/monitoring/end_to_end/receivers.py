"""Stands for PagerDuty, Slack, a mail server and webhooks: writes down what comes, and when."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """Something that came: `kind` is the path of the request without its slash, or `email`; `to` whom it is for.

    `body` is the JSON; for mail it has subject, to (a list) and text.
    """

    at: float
    kind: str
    body: dict[str, Any]


@dataclass(slots=True)
class Receivers:
    """What came so far, and where it comes to."""

    http: str = ""
    smtp: str = ""
    received: list[Received] = field(default_factory=list)

    def take(self, kind: str, body: dict[str, Any]) -> None:
        """Writes something down."""
        self.received.append(Received(time.time(), kind, body))


@contextmanager
def listening() -> Iterator[Receivers]:
    """The receivers on free ports of the loopback."""
    receivers = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receivers.take(self.path.strip("/"), body)
            # PagerDuty answers 202, and Slack 200 with this word.
            self.send_response(202 if "enqueue" in self.path else 200)
            self.end_headers()
            self.wfile.write(b'{"status": "success"}' if "enqueue" in self.path else b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, _mail_server(receivers):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        receivers.http = f"http://127.0.0.1:{server.server_port}"
        try:
            yield receivers
        finally:
            server.shutdown()


@contextmanager
def _mail_server(receivers: Receivers) -> Iterator[None]:
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(lambda reader, writer: _mail(reader, writer, receivers), "127.0.0.1", 0)

    server = loop.run_until_complete(start())
    receivers.smtp = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receivers: Receivers) -> None:
    """The part of RFC 5321 that a sender without TLS needs."""

    async def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()

    await say("220 localhost")
    to: list[str] = []
    while line := (await reader.readline()).decode().strip():
        match line.split(" ")[0].upper():
            case "EHLO":
                await say("250-localhost\r\n250 AUTH PLAIN LOGIN")
            case "AUTH":
                await say("235 accepted")
            case "RCPT":
                to.append(line.partition(":")[2].strip(" <>"))
                await say("250 OK")
            case "DATA":
                await say("354 go on")
                receivers.take("email", _message(await reader.readuntil(b"\r\n.\r\n"), to))
                to = []
                await say("250 OK")
            case "QUIT":
                await say("221 bye")
                break
            case _:
                await say("250 OK")
    writer.close()


def _message(data: bytes, to: list[str]) -> dict[str, Any]:
    # A line that begins with a dot is sent with a second one.
    lines = data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
    message = email.message_from_bytes(lines, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    return {"subject": message["subject"], "to": to, "text": body.get_content() if body else ""}
