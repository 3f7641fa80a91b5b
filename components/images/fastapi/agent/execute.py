"""POST /api/v1/execute: who asks, how much they may ask, what they ask, and then the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from agent.addresses import caller_address
from agent.admission import Admission
from agent.asgi import Receive, Scope, Send, send_json
from agent.budget import Budget, estimated
from agent.errors import ApiError, Code
from agent.exchange import KEY, Exchange, ended
from agent.limiting import RateLimits
from agent.live import Live, Snapshot
from agent.metrics import Metrics
from agent.presence import while_present
from agent.providers.base import Answer, Provider, timed_out
from agent.safety import Found, Verdict
from agent.task import Task, read_task

EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Execute:
    """The endpoint, as an ASGI application."""

    def __init__(self, live: Live, limits: RateLimits, admission: Admission, budget: Budget, metrics: Metrics) -> None:
        self.live = live
        self.limits = limits
        self.admission = admission
        self.budget = budget
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or raises ApiError or ClientGoneError."""
        exchange: Exchange = scope[KEY]
        snapshot = self.live.current
        if snapshot is None:
            raise ApiError(
                Code.NOT_READY, "The agent's config cannot be used; its operators have to act.", retry_after=5
            )
        await self._let_in(scope, snapshot, exchange)
        if snapshot.provider is None:
            raise ApiError(
                Code.PROVIDER_REFUSED, "The agent has no key for its model's provider; its operators have to act."
            )
        task = await read_task(scope, receive, snapshot.settings.service.limits)
        self.budget.check(snapshot.settings)
        work = _Work(self, snapshot, snapshot.provider, exchange)
        if task.stream:
            await work.stream(task, receive, send)
        else:
            await work.answer(task, receive, send)

    async def _let_in(self, scope: Scope, snapshot: Snapshot, exchange: Exchange) -> None:
        """The limits count for whoever it is, also for those that are not let in."""
        settings = snapshot.settings
        limits = settings.service.limits
        refused: ApiError | None = None
        caller: str | None = None
        try:
            caller = await snapshot.auth.caller(scope)
        except ApiError as error:
            refused = error
        prefix = f"{settings.environment}:{settings.pool}:{settings.agent}"
        standing = await self.limits.count(prefix, caller_address(scope, limits.trusted_proxies), caller, limits)
        exchange.headers = standing.headers()
        self.limits.check(standing)
        if refused is not None:
            raise refused


class _Work:
    """The part that holds a place: safety, the model, the booking."""

    def __init__(self, execute: Execute, snapshot: Snapshot, provider: Provider, exchange: Exchange) -> None:
        self.execute = execute
        self.settings = snapshot.settings
        self.system = snapshot.system
        self.safety = snapshot.safety
        self.provider = provider
        self.exchange = exchange

    async def answer(self, task: Task, receive: Receive, send: Send) -> None:
        """A whole answer as JSON."""
        async with while_present(receive), self.execute.admission.place(self.settings.service.limits):
            text = await self._checked(task)
            answer = await self._asked(text)
            self._used(answer)
            verdict = await self.safety.check_output(answer.text)
            self._judged(verdict)
        await send_json(send, 200, {"agent_id": self.settings.agent, "result": verdict.text} | self._body(answer))

    async def stream(self, task: Task, receive: Receive, send: Send) -> None:
        """An answer as server-sent events; until the first piece is there an error still gets its own status."""
        try:
            async with while_present(receive), self.execute.admission.place(self.settings.service.limits):
                text = await self._checked(task)
                async with aclosing(self._pieces(text)) as pieces:
                    piece = await self._next(pieces)
                    await send({"type": "http.response.start", "status": 200, "headers": EVENT_STREAM})
                    last = await self._passed_on(piece, pieces, send)
        except asyncio.CancelledError:
            if not (self.exchange.status and self.exchange.drain.begun):
                raise
            last = self._failed(ended())
        await send({"type": "http.response.body", "body": last})

    async def _passed_on(self, piece: str | Answer | None, pieces: AsyncGenerator[str | Answer], send: Send) -> bytes:
        """Sends the pieces; the event that comes last."""
        last = b""
        try:
            while piece is not None:
                if isinstance(piece, Answer):
                    last = _event("done", self._body(piece))
                elif piece:
                    await send(_part(_event("delta", {"text": piece})))
                piece = await self._next(pieces)
        except ApiError as error:
            last = self._failed(error)
        return last

    async def _next(self, pieces: AsyncGenerator[str | Answer]) -> str | Answer | None:
        """The next piece, within the time that the provider has for it; comments that keep a stream alive are none."""
        try:
            async with asyncio.timeout(self.provider_seconds):
                return await anext(pieces, None)
        except TimeoutError:
            raise timed_out(self.provider_seconds) from None

    def _failed(self, error: ApiError) -> bytes:
        self.exchange.failed(error)
        return _event("error", error.body())

    @property
    def provider_seconds(self) -> float:
        """How long the provider may take."""
        return self.settings.service.timeouts.provider_seconds

    async def _checked(self, task: Task) -> str:
        # While it waited for its place others may have used up what was left.
        self.execute.budget.check(self.settings)
        verdict = await self.safety.check_input(task.task_description, task.context)
        self._judged(verdict)
        return verdict.text

    async def _asked(self, text: str) -> Answer:
        model = self.settings.model
        self.exchange.fields["model"] = model.name
        answer: Answer | None = None
        try:
            with self.exchange.spans.provider(self.settings.provider.api, model.name):
                async with asyncio.timeout(self.provider_seconds):
                    answer = await self.provider.answer(self.system, text)
                self.exchange.spans.used(answer.usage.input, answer.usage.output)
        except TimeoutError:
            self._sent(text)
            raise timed_out(self.provider_seconds) from None
        except ApiError as error:
            if error.code is Code.PROVIDER_TIMEOUT:
                self._sent(text)
            raise
        except asyncio.CancelledError:
            self._sent(text)
            raise
        return answer

    def _sent(self, text: str) -> None:
        """The provider charges for what it had read when the caller went away or the time was over."""
        self.execute.budget.book(self.settings, estimated(len(self.system) + len(text), 0))

    async def _pieces(self, text: str) -> AsyncGenerator[str | Answer]:
        """Pieces that are safe to send, then the Answer; books whatever happens."""
        model = self.settings.model
        self.exchange.fields["model"] = model.name
        mask = self.safety.stream()
        said, answer, gone = 0, None, False
        try:
            with self.exchange.spans.provider(self.settings.provider.api, model.name):
                async with aclosing(self.provider.stream(self.system, text)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Answer):
                            answer = piece
                            self.exchange.spans.used(piece.usage.input, piece.usage.output)
                            break
                        said += len(piece)
                        safe = mask.feed(piece)
                        self._stop_when_blocked(mask.blocked)
                        yield safe
            yield mask.end()
            self._stop_when_blocked(mask.blocked)
        except asyncio.CancelledError:
            gone = True
            raise
        except ApiError as error:
            gone = error.code is Code.PROVIDER_TIMEOUT
            raise
        finally:
            self._count(mask.found)
            if answer is not None:
                self._used(answer)
            elif said or gone:
                # The count comes last in a stream; without it the provider charges all the same.
                self._used(Answer("", estimated(len(self.system) + len(text), said), "other"))
        if answer is not None:
            yield answer

    def _used(self, answer: Answer) -> None:
        usage = answer.usage
        self.execute.budget.book(self.settings, usage)
        self.exchange.fields["tokens_used"] = usage.input + usage.output

    def _judged(self, verdict: Verdict) -> None:
        self._count(verdict.found)
        self._stop_when_blocked(verdict.blocked)

    def _count(self, found: tuple[Found, ...]) -> None:
        for item in found:
            self.execute.metrics.found(item.check, item.kind, item.action)

    def _stop_when_blocked(self, blocked: Found | None) -> None:
        if blocked is not None:
            raise ApiError(
                Code.CONTENT_BLOCKED,
                f"The agent's safety rules refuse this: {blocked.check}, {blocked.kind}.",
                {"check": blocked.check, "kind": blocked.kind},
            )

    def _body(self, answer: Answer) -> dict[str, Any]:
        return {
            "agent_id": self.settings.agent,
            "model": self.settings.model.name,
            "stop_reason": answer.stop_reason,
            "tokens_used": {"input": answer.usage.input, "output": answer.usage.output},
            "processing_seconds": round(self.exchange.seconds, 4),
            "request_id": self.exchange.request_id,
        }


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def _part(data: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": True}
