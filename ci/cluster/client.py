"""A thin edge over kr8s: lists by kind and namespace, a few at a time, each with a limit in time."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ci.cluster.kubeconfig import ClusterError, Context, find_context
from components.definition.pasted_secrets import without_secrets

if TYPE_CHECKING:
    import kr8s

Object = dict[str, Any]
_T = TypeVar("_T")

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
# A list of several pages and its repetitions, and a credential plugin that asks a cloud.
_CALL_SECONDS = 120.0
_OPEN_SECONDS = 30.0
_LOG_SECONDS = 10.0
_AT_ONCE = 4
_PAGE = 1000
_RETRIES = 3
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_TRANSIENT = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Listing:
    """What to list: a kind (`apps/v1`, `deployments`) in a namespace, or everywhere when that is empty.

    `labels` and `fields` are selectors; with `metadata_only` the server leaves out `spec` and `status`.
    """

    api_version: str
    plural: str
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    @property
    def path(self) -> str:
        """The path on the API server."""
        root = "/apis/" if "/" in self.api_version else "/api/"
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}{self.api_version}{inside}/{self.plural}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server serves it."""

    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a container; `previous` is that of its run before the last restart."""

    namespace: str
    pod: str
    container: str
    previous: bool


class Cluster:
    """An API server that was reached, let us in, and is the right one. Safe to use from several threads."""

    def __init__(self, context: Context, loop: _Loop, api: kr8s.asyncio.Api) -> None:
        self.context = context.name
        self.server = context.server
        self._context = context
        self._loop = loop
        self._api = api
        self._sessions = _Sessions(api)

    def lists(self, listings: Iterable[Listing]) -> dict[Listing, list[Object]]:
        """All objects of each listing. A kind that the server does not have, or a namespace, has none.

        Raises ClusterError.
        """
        wanted = list(dict.fromkeys(listings))
        return self._ask(self._lists(wanted), _CALL_SECONDS * max(1, len(wanted) / _AT_ONCE))

    def resources(self, api_version: str) -> dict[str, Resource]:
        """The kinds of an API version (`v1`, `apps/v1`), by name; none when the server does not have it.

        Raises ClusterError.
        """
        root = "/apis/" if "/" in api_version else "/api/"
        found = self._ask(self._get(root + api_version, {}), _CALL_SECONDS)
        return {
            one["kind"]: Resource(one["name"], one["namespaced"])
            for one in (found or {}).get("resources", [])
            if "/" not in one["name"]
        }

    def logs(self, wanted: Iterable[Log], lines: int) -> dict[Log, str]:
        """The last lines that each container wrote; none of those that cannot be had. Masks nothing."""
        asked = list(dict.fromkeys(wanted))
        found = self._ask(self._logs(asked, lines), _CALL_SECONDS)
        return dict(zip(asked, found, strict=True))

    def begin(self, work: Callable[[kr8s.asyncio.Api], Coroutine[Any, Any, _T]]) -> Future[_T]:
        """Begins something that takes its time, such as following a log; `close` ends it."""
        return self._loop.begin(work(self._api))

    def close(self) -> None:
        """Ends connections, and removes what kr8s wrote of the credentials."""
        self._loop.end_tasks()
        with contextlib.suppress(Exception):
            self._loop.run(self._sessions.close(), _CONNECT_SECONDS)
        self._loop.stop()
        _remove_key(self._context, self._api)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, coroutine: Coroutine[Any, Any, _T], seconds: float) -> _T:
        return _asked(self._context, self._loop, coroutine, seconds)

    async def _entered(self) -> None:
        await self._api.auth
        await self._get("/api/v1", {})

    async def _lists(self, wanted: list[Listing]) -> dict[Listing, list[Object]]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(listing: Listing) -> list[Object]:
            async with room:
                return await self._list(listing)

        found = await asyncio.gather(*(one(listing) for listing in wanted), return_exceptions=True)
        return dict(zip(wanted, _sound(found), strict=True))

    async def _logs(self, wanted: list[Log], lines: int) -> list[str]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(log: Log) -> str:
            query = {"container": log.container, "previous": str(log.previous).lower(), "tailLines": str(lines)}
            path = f"/api/v1/namespaces/{log.namespace}/pods/{log.pod}/log"
            async with room:
                # A lost node must not keep the rest from being told.
                with contextlib.suppress(Exception):
                    return await asyncio.wait_for(self._text(path, query | {"limitBytes": "65536"}), _LOG_SECONDS)
                return ""

        return await asyncio.gather(*(one(log) for log in wanted))

    async def _list(self, listing: Listing) -> list[Object]:
        import kr8s

        query = {"labelSelector": listing.labels, "fieldSelector": listing.fields}
        query = {name: value for name, value in query.items() if value}
        try:
            return await self._pages(listing, query | {"limit": str(_PAGE)})
        except kr8s.ServerError as error:
            # The next page of a list expires after some minutes; the whole list does not.
            if error.response is None or error.response.status_code != 410:
                raise
            return await self._pages(listing, query)

    async def _pages(self, listing: Listing, query: dict[str, str]) -> list[Object]:
        items: list[Object] = []
        accept = _METADATA if listing.metadata_only else _JSON
        while (page := await self._get(listing.path, query, accept)) is not None:
            items += page["items"] or []
            following = page["metadata"].get("continue")
            if not following:
                break
            query["continue"] = following
        return items

    async def _get(self, path: str, query: dict[str, str], accept: str = _JSON) -> Any:
        """What the server answers as JSON; None when there is no such thing."""
        response = await self._response(path, query, accept)
        return None if response is None else response.json()

    async def _text(self, path: str, query: dict[str, str]) -> str:
        response = await self._response(path, query, "*/*")
        return "" if response is None else str(response.text)

    async def _response(self, path: str, query: dict[str, str], accept: str) -> Any:
        import kr8s

        base, _, last = path.rpartition("/")
        asked: dict[str, Any] = {"base": base, "url": last, "params": query, "headers": {"Accept": accept}}
        for attempt in range(_RETRIES + 1):
            try:
                async with self._api.call_api("GET", version="", **asked) as response:
                    return response
            except kr8s.ServerError as error:
                status = error.response.status_code if error.response is not None else 0
                if status == 404:
                    return None
                if status not in _TRANSIENT or attempt == _RETRIES:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
        return None


def _sound(found: list[list[Object] | BaseException]) -> list[list[Object]]:
    """All answers, or the error that says most: what the server refused, before a connection that broke."""
    import kr8s

    failed = [one for one in found if isinstance(one, BaseException)]
    if failed:
        raise next((one for one in failed if isinstance(one, kr8s.ServerError)), failed[0])
    return [one for one in found if not isinstance(one, BaseException)]


def open_cluster(context: str, uid: str | None = None) -> Cluster:
    """The cluster of a kubeconfig context; `uid` is that of its namespace kube-system where the catalog gives it.

    Raises ClusterError, at the latest after 30 seconds. Use it in a `with`, or call `close`.
    """
    found = find_context(context)
    cluster = Cluster(found, _Loop(), _api(found))
    try:
        cluster._ask(cluster._entered(), _OPEN_SECONDS)
        if uid:
            _same(cluster, uid)
    except BaseException:
        cluster.close()
        raise
    _remove_key(found, cluster._api)
    return cluster


class _Sessions:
    """The sessions that kr8s opens: one, and another whenever a request is refused, in case the credentials have ended.

    kr8s closes the one before, under requests that are under way, or forgets it when several are refused at once.
    """

    def __init__(self, api: kr8s.asyncio.Api) -> None:
        self._api = api
        self._anew = api._create_session
        self._turn = asyncio.Lock()
        self._before: list[Any] = []
        api._create_session = self._create  # type: ignore[method-assign]

    async def _create(self) -> None:
        async with self._turn:
            if self._api._session is not None:
                self._before.append(self._api._session)
                self._api._session = None
            await self._anew()

    async def close(self) -> None:
        for session in [*self._before, self._api._session]:
            if session is not None:
                await session.aclose()


def _api(context: Context) -> kr8s.asyncio.Api:
    """kr8s' client. Its factory would make the first request with no limit in time, and warn of newer servers."""
    import httpx
    import kr8s.asyncio

    api = kr8s.asyncio.Api(kubeconfig=context.config, context=context.name, serviceaccount="", bypass_factory=True)
    api.timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    return api


def _same(cluster: Cluster, uid: str) -> None:
    """Raises ClusterError when the cluster is not the one that the catalog means."""
    found = cluster._ask(cluster._get("/api/v1/namespaces/kube-system", {}), _CALL_SECONDS)
    actual = found["metadata"]["uid"] if found else "none"
    if actual != uid:
        raise ClusterError(
            "wrong-cluster",
            f"the context {cluster.context!r} leads to another cluster than the catalog means: the UID of its "
            f"namespace kube-system is {actual}, not {uid}. Nothing was touched. Mend the context, or `uid` in "
            "catalog/environments.yaml if the cluster was made anew.",
        )


def _asked(context: Context, loop: _Loop, coroutine: Coroutine[Any, Any, _T], seconds: float) -> _T:
    """Runs it; whatever goes wrong on the way becomes a ClusterError."""
    import httpx
    import kr8s

    where = f"the API server of context {context.name!r} ({context.server})"
    try:
        return loop.run(coroutine, seconds)
    except (TimeoutError, kr8s.APITimeoutError, httpx.TimeoutException):
        plugin = (context.user.get("exec") or {}).get("command")
        also = f", or its credential plugin {plugin!r} waits for something" if plugin else ""
        raise ClusterError(
            "timeout", f"{where} does not answer in time{also}. Is a VPN or a firewall in the way?"
        ) from None
    except kr8s.ServerError as error:
        raise _refused(where, error) from None
    except (httpx.TransportError, OSError) as error:
        if "exec" in context.user and isinstance(error, FileNotFoundError):
            raise _no_credentials(context, error) from None
        said = without_secrets(str(error)) or type(error).__name__
        raise ClusterError("unreachable", f"{where} cannot be reached: {said}") from None
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise _no_credentials(context, error) from None


def _refused(where: str, error: kr8s.ServerError) -> ClusterError:
    status = error.response.status_code if error.response is not None else 0
    said = without_secrets(str(error))
    if status == 401:
        return ClusterError("credentials", f"{where} does not accept the credentials (401). Sign in to it again.")
    if status == 403:
        return ClusterError("credentials", f"{where} forbids it (403): {said}")
    return ClusterError("refused", f"{where} answers {status}: {said}")


def _no_credentials(context: Context, error: Exception) -> ClusterError:
    plugin = (context.user.get("exec") or {}).get("command")
    who = f"the credential plugin {plugin!r} failed" if plugin else "the credentials cannot be used"
    lines = [line for line in without_secrets(str(error)).splitlines() if line.strip()]
    said = lines[-1][:300] if lines else type(error).__name__
    return ClusterError("credentials", f"context {context.name!r}: {who}: {said}")


def _remove_key(context: Context, api: kr8s.asyncio.Api) -> None:
    """kr8s writes an inline private key to a temporary file and leaves it there; it was loaded, so it can go."""
    path = api.auth.client_key_file
    if path and context.key_is_inline and Path(str(path)).parent == Path(tempfile.gettempdir()):
        with contextlib.suppress(OSError):
            Path(str(path)).unlink()


class _Loop:
    """An event loop in a thread of its own, which never keeps the process from ending."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, _T], seconds: float) -> _T:
        """Its result. Raises TimeoutError when it takes longer; it is cancelled then, but not waited for."""
        future = self.begin(coroutine)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def begin(self, coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Runs it, and does not wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def end_tasks(self) -> None:
        """Ends what still runs, as far as it lets itself be ended."""
        with contextlib.suppress(TimeoutError):
            self.run(self._cancelled(), _CONNECT_SECONDS)

    def stop(self) -> None:
        """Ends the loop itself."""
        with contextlib.suppress(TimeoutError):
            # Connections are closed in the next round.
            self.run(asyncio.sleep(0), _CONNECT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CONNECT_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    async def _cancelled(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=1)
