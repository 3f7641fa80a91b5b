"""A local stand-in for the model providers' HTTP APIs, for tests, benchmarks and `roster run --offline`.

    python ci/stand_in/provider.py --port 0 [--answer TEXT]

prints `listening on http://127.0.0.1:PORT` and then answers Anthropic's `/v1/messages`, OpenAI's
`/v1/chat/completions` and `/v1/moderations`, and, for whoever tests with it, `/control` (`Behaviour` has the settings;
GET shows what was asked, DELETE forgets it all). Run it with a Python that has the service's packages.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # A script's own folder stands first on the path; the packages of this repository are above it.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ci.stand_in.answers import Api, Question, Refusal, answer_to
from ci.stand_in.anthropic_api import AnthropicApi
from ci.stand_in.behaviour import ANSWER, Behaviour, KeyBehaviour, Memory, changed, of_key
from ci.stand_in.openai_api import OpenAiApi, moderation

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
MAX_BYTES = 32 * 1024 * 1024
MODERATIONS = "/v1/moderations"
ROUTES: dict[str, Api] = {
    "/v1/messages": AnthropicApi(),
    "/v1/chat/completions": OpenAiApi(),
    MODERATIONS: OpenAiApi(),
}


class StandIn:
    """The ASGI application; one process, all state in memory."""

    def __init__(self, start: Behaviour) -> None:
        self.start = start
        self.memory = Memory(start)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/control":
            await self._control(scope["method"], receive, send)
            return
        # Of what was forgotten meanwhile, the end is not counted either.
        memory = self.memory
        memory.requests += 1
        memory.by_path[scope["path"]] += 1
        memory.in_flight += 1
        memory.most_in_flight = max(memory.most_in_flight, memory.in_flight)
        try:
            status = await Exchange(memory, scope, receive, send).answered()
            memory.by_status[status] += 1
        finally:
            memory.in_flight -= 1

    async def _control(self, method: str, receive: Receive, send: Send) -> None:
        status = 200
        try:
            if method == "POST":
                self.memory.behaviour = changed(self.memory.behaviour, json.loads(await _body(receive)))
            elif method == "DELETE":
                self.memory = Memory(self.start)
            shown = self.memory.shown()
        except ValueError as error:
            status, shown = 400, {"error": str(error)}
        await _send_json(send, status, shown, [])


class Exchange:
    """One request to an API and its answer."""

    def __init__(self, memory: Memory, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.memory = memory
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.receive = receive
        self.send = send
        self.api: Api = ROUTES.get(self.path) or ROUTES["/v1/messages"]
        self.identity = f"stand_in_{memory.requests:08}"

    async def answered(self) -> int:
        """Reads, waits, answers; returns the status that was sent."""
        raw = await _body(self.receive)
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        note: dict[str, Any] = {"path": self.path, "body": body}
        self.memory.last.append(note)
        key = self.api.key(self.headers)
        by_key = of_key(key)
        if delay := by_key.delay_seconds or self.memory.behaviour.delay_seconds:
            await asyncio.sleep(delay)
        refusal = self._refused(key, by_key, len(raw))
        if refusal is None:
            status = await self._served(body, by_key)
        else:
            status = await self._refuse(refusal)
        note["status"] = status
        return status

    def _refused(self, key: str, by_key: KeyBehaviour, size: int) -> Refusal | None:
        behaviour = self.memory.behaviour
        if self.path not in ROUTES:
            return Refusal(404)
        if self.method != "POST":
            return Refusal(405)
        if not key or behaviour.revoked or (behaviour.keys is not None and key not in behaviour.keys):
            return Refusal(401)
        if size > MAX_BYTES:
            return Refusal(413)
        status = by_key.status or self.memory.next_failure("fail")
        return None if status in (None, 200) else Refusal(status)

    async def _served(self, body: Any, by_key: KeyBehaviour) -> int:
        if self.path == MODERATIONS:
            judged = moderation(self.identity, body, self.memory.behaviour)
            if isinstance(judged, Refusal):
                return await self._refuse(judged)
            await _send_json(self.send, 200, judged, self._identified())
            return 200
        question = self.api.read(self.headers, body)
        if isinstance(question, Refusal):
            return await self._refuse(question)
        if question.stream:
            await self._streamed(question, by_key)
            return 200
        answer = answer_to(question, self.memory.behaviour, by_key.echo)
        await _send_json(self.send, 200, self.api.whole(self.identity, question, answer), self._identified())
        return 200

    async def _streamed(self, question: Question, by_key: KeyBehaviour) -> None:
        behaviour, api = self.memory.behaviour, self.api
        failure = self.memory.next_failure("stream_fail")
        answer = answer_to(question, behaviour, by_key.echo)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers + self._identified()})
        pieces = [api.piece(self.identity, question, text) for text in answer.pieces]
        first, last = api.first(self.identity, question, answer), api.last(self.identity, question, answer)
        if failure is not None:
            await _send_part(self.send, first + pieces[0])
            if failure:
                await self._end(api.stream_error(Refusal(failure), self.identity))
            # Without an end the server closes the connection: the stream is cut off.
            return
        if not behaviour.piece_seconds:
            await self._end(first + b"".join(pieces) + last)
            return
        await _send_part(self.send, first + pieces[0])
        for piece in pieces[1:]:
            await asyncio.sleep(behaviour.piece_seconds)
            await _send_part(self.send, piece)
        await self._end(last)

    async def _end(self, data: bytes) -> None:
        await self.send({"type": "http.response.body", "body": data})

    async def _refuse(self, refusal: Refusal) -> int:
        headers = self._identified()
        after = self.memory.behaviour.retry_after_seconds
        if refusal.status == 429 and after is not None:
            headers.append((b"retry-after", f"{after:g}".encode()))
        if refusal.status == 0:
            cut_off = [(b"content-type", b"application/json"), (b"content-length", b"1000"), *headers]
            await self.send({"type": "http.response.start", "status": 200, "headers": cut_off})
            await _send_part(self.send, b'{"id": "')
        else:
            await _send_json(self.send, refusal.status, self.api.error(refusal, self.identity), headers)
        return refusal.status

    def _identified(self) -> list[tuple[bytes, bytes]]:
        return [(self.api.id_header, f"req_{self.identity}".encode())]


async def _body(receive: Receive) -> bytes:
    message = await receive()
    data: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        data += message.get("body", b"")
    return data


async def _send_json(send: Send, status: int, value: Any, headers: list[tuple[bytes, bytes]]) -> None:
    data = json.dumps(value).encode()
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": described + headers})
    await send({"type": "http.response.body", "body": data})


async def _send_part(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


def main() -> None:
    """Listens until it is told to stop."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--port", type=int, default=0, help="0: any free one")
    arguments.add_argument("--answer", default=ANSWER, help="what is answered to every task")
    given = arguments.parse_args()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", given.port))
    listening.listen(2048)
    # Whoever connects from here on waits for the server, whose import takes a moment.
    print(f"listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    import uvicorn  # type: ignore[import-not-found, unused-ignore]

    config = uvicorn.Config(
        StandIn(Behaviour(answer=given.answer)),
        lifespan="off",
        log_level="critical",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
