"""Reads logs from API servers: what was written so far, or what is written from now on, across restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from ci.cluster.evidence import shown
from ci.cluster.kubeconfig import ClusterError
from ci.deploy.report import moment
from ci.live.log_pods import Run, Source

if TYPE_CHECKING:
    import kr8s

    from ci.cluster.client import Cluster

# A log is cut off here, and that is said; nobody reads more on a screen.
MOST_LINES = 20_000
_LOOK_SECONDS = 2.0
_RETRIES = 2
# A stream that is silent for so long is begun anew: its connection may be dead.
_SILENT_SECONDS = 300.0
_READ_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """One line, with the time at which its node took it (RFC 3339)."""

    source: Source
    stamp: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a log: the last `lines`, or those of the last `since_seconds`; `previous` is the run before."""

    lines: int
    since_seconds: int = 0
    previous: bool = False

    def query(self, source: Source) -> dict[str, str]:
        """The parameters of the API server's log endpoint."""
        found = {"container": source.container, "timestamps": "true", "tailLines": str(self.lines)}
        if self.since_seconds:
            found["sinceSeconds"] = str(self.since_seconds)
        if self.previous:
            found["previous"] = "true"
        return found


def read(cluster: Cluster, asked: Iterable[Source], wanted: Wanted) -> tuple[list[Said], dict[Source, str]]:
    """The lines, log by log, and why those cannot be had that cannot. Raises ClusterError."""
    running = {source: cluster.begin(_reading(source, wanted.query(source))) for source in asked}
    found: list[Said] = []
    faults: dict[Source, str] = {}
    for source, future in running.items():
        try:
            found += future.result()
        except Exception as error:
            faults[source] = _why(error)
    return found, faults


@dataclass(slots=True)
class _Stream:
    """A log that is followed: which run of the container, when that began, the stamp up to which it was read."""

    run: int
    begun: str
    last: str
    future: Future[None] = field(default_factory=Future)


Look = Callable[[], "tuple[Cluster, Mapping[Source, Run]]"]


@dataclass(slots=True)
class Follower:
    """Follows the logs of pods that come and go. Each look lists the containers of a place; it may raise ClusterError.

    `note` is told of places that cannot be asked for a while.
    """

    looks: Sequence[Look]
    wanted: Wanted
    note: Callable[[str], None]
    _said: Queue[Said] = field(default_factory=Queue)
    _streams: dict[Source, _Stream] = field(default_factory=dict)
    _faults: dict[int, str] = field(default_factory=dict)

    def lines(self) -> Iterator[Said]:
        """Each line as it comes, for ever. Raises ClusterError when the first look fails."""
        first = True
        while True:
            for at, look in enumerate(self.looks):
                try:
                    cluster, found = look()
                    self._faults.pop(at, None)
                    self._begin(cluster, found, first)
                except ClusterError as error:
                    if first:
                        raise
                    if self._faults.get(at) != str(error):
                        self.note(f"{error} It is asked again every {_LOOK_SECONDS:.0f} s.")
                    self._faults[at] = str(error)
            first = False
            yield from self._drained(time.monotonic() + _LOOK_SECONDS)

    def _begin(self, cluster: Cluster, found: Mapping[Source, Run], first: bool) -> None:
        for source, run in found.items():
            known = self._streams.get(source)
            if known is None and run.waits:
                continue
            if known is not None and (not known.future.done() or (known.run == run.count and not run.running)):
                continue
            query = self.wanted.query(source)
            if known is not None or not first:
                # From where it was left; a pod that is new, from its beginning.
                query |= {"tailLines": str(MOST_LINES)} | ({"sinceTime": known.last or known.begun} if known else {})
                query.pop("sinceSeconds", None)
            stream = _Stream(run.count, moment(datetime.now(UTC)), known.last if known else "")
            stream.future = cluster.begin(_following(source, query, stream, self._said))
            self._streams[source] = stream

    def _drained(self, until: float) -> Iterator[Said]:
        while (left := until - time.monotonic()) > 0:
            try:
                yield self._said.get(timeout=left)
            except Empty:
                return


def _reading(source: Source, query: dict[str, str]) -> Callable[[kr8s.asyncio.Api], Coroutine[Any, Any, list[Said]]]:
    async def work(api: kr8s.asyncio.Api) -> list[Said]:
        import kr8s

        for attempt in range(_RETRIES + 1):
            found = []
            try:
                async with _opened(api, source, query, _READ_SECONDS) as response:
                    async for line in _lines(response):
                        found.append(_said(source, line))
                break
            except kr8s.ServerError as error:
                # The API server asks the node in turn, and its connections to nodes break.
                if error.response is None or error.response.status_code < 500 or attempt == _RETRIES:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
        return found

    return work


def _following(
    source: Source, query: dict[str, str], stream: _Stream, said: Queue[Said]
) -> Callable[[kr8s.asyncio.Api], Coroutine[Any, Any, None]]:
    async def work(api: kr8s.asyncio.Api) -> None:
        async with _opened(api, source, query | {"follow": "true"}, _SILENT_SECONDS) as response:
            async for line in _lines(response):
                one = _said(source, line)
                # `sinceTime` counts in whole seconds: what was told before comes again.
                if one.stamp > stream.last:
                    stream.last = one.stamp
                    said.put(one)

    return work


def _opened(api: kr8s.asyncio.Api, source: Source, query: dict[str, str], silent_seconds: float) -> Any:
    import httpx

    base = f"/api/v1/namespaces/{source.namespace}/pods/{source.pod}"
    limits = httpx.Timeout(_READ_SECONDS, connect=5.0, read=silent_seconds)
    return api.call_api("GET", version="", base=base, url="log", params=query, stream=True, timeout=limits)


async def _lines(response: Any) -> AsyncIterator[str]:
    """Lines end at line feeds, and not at the other characters that may end one in Unicode."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _said(source: Source, line: str) -> Said:
    stamp, _, text = line.partition(" ")
    return Said(source, stamp, text)


def _why(error: Exception) -> str:
    """What the API server says, or else the error."""
    response = getattr(error, "response", None)
    try:
        said = response.json()["message"] if response is not None else str(error)
    except (ValueError, KeyError, TypeError):
        said = f"the API server answers {response.status_code if response is not None else error}"
    return shown(" ".join(str(said).split())) or type(error).__name__
