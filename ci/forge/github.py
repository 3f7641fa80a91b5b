"""A thin client of GitHub's REST API: time limits, retries, pages, and errors of one line that never hold the token."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

API_URL = "https://api.github.com"
ATTEMPTS = 5
TIMEOUT_SECONDS = 30
# What GitHub asks for is waited for up to this; its hourly limit may ask for an hour, which a CI job does not have.
LONGEST_WAIT_SECONDS = 600
# GitHub's advice where it limits without saying for how long.
_LIMITED_SECONDS = 60
_PER_PAGE = 100
MOST_PAGES = 100
_LOCAL = ("127.0.0.1", "::1", "localhost")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
# Who comments with the token that GitHub gives to a workflow; that token may not ask for its own name.
ACTIONS_BOT = "github-actions[bot]"

Query = str | int


class ForgeError(Exception):
    """The forge could not be asked, or said no; `str()` is one line with what is wrong and what to do."""


class MissingError(ForgeError):
    """There is no such thing, or the token may not see it."""


class UnsureError(ForgeError):
    """The forge failed while it was told to make something: it may have made it, or not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the repository is and who asks. `login` is the name under which the token's comments stand."""

    repository: str
    token: str = field(repr=False)
    api_url: str = API_URL
    graphql_url: str = f"{API_URL}/graphql"
    login: str = ACTIONS_BOT


def settings_from(variables: Mapping[str, str]) -> Settings:
    """From GITHUB_REPOSITORY, _TOKEN, _API_URL and _GRAPHQL_URL, and ROSTER_FORGE_LOGIN. Raises ForgeError."""
    repository, token = variables.get("GITHUB_REPOSITORY", ""), variables.get("GITHUB_TOKEN", "").strip()
    if not _REPOSITORY.fullmatch(repository):
        raise ForgeError(
            f"GITHUB_REPOSITORY is {repository!r}; it names a repository on GitHub, such as example/agents"
        )
    if not token:
        raise ForgeError("GITHUB_TOKEN is not set; in a workflow it is ${{ github.token }}")
    if not re.fullmatch("[!-~]+", token):
        raise ForgeError("GITHUB_TOKEN is no token: there are blanks or other signs in it that no token has")
    api_url = (variables.get("GITHUB_API_URL") or API_URL).rstrip("/")
    graphql_url = variables.get("GITHUB_GRAPHQL_URL") or f"{api_url.removesuffix('/v3')}/graphql"
    for name, url in (("GITHUB_API_URL", api_url), ("GITHUB_GRAPHQL_URL", graphql_url)):
        _hold_safe(url, name)
    return Settings(repository, token, api_url, graphql_url, variables.get("ROSTER_FORGE_LOGIN") or ACTIONS_BOT)


class GitHub:
    """One repository's API. Paths are those below `/repos/OWNER/NAME/`. Every method raises ForgeError."""

    def __init__(
        self,
        settings: Settings,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._sleep = sleep
        self._now = now
        # No redirects: the token is for this host alone. A repository that was renamed says so by one.
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)

    def __enter__(self) -> GitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Query) -> Any:
        """The JSON of one answer."""
        return self._json(self._asked("GET", self._url(path), query))

    def pages(self, path: str, key: str = "", **query: Query) -> Iterator[Any]:
        """The items of all pages, those below `key` where an answer is an object."""
        url, asked = self._url(path), {**query, "per_page": _PER_PAGE}
        for _ in range(MOST_PAGES):
            answer = self._asked("GET", url, asked)
            content = self._json(answer)
            items = content.get(key) if key and isinstance(content, dict) else content
            if not isinstance(items, list):
                raise ForgeError(f"GitHub's answer to {_where('GET', url)} is no list")
            yield from items
            url, asked = answer.links.get("next", {}).get("url", ""), {}
            if not url:
                return
            if _origin(url) != _origin(self.settings.api_url):
                raise ForgeError(f"the next page of {path} is said to lie elsewhere, at {_origin(url)}")
        raise ForgeError(f"{path} has over {MOST_PAGES * _PER_PAGE:,} items, which is more than is read")

    def post(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Any:
        """Makes something. What may not be made twice is not `repeatable`: UnsureError when GitHub fails meanwhile."""
        return self._json(self._asked("POST", self._url(path), {}, body, again=repeatable))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Changes something; doing so twice is doing so once."""
        return self._json(self._asked("PATCH", self._url(path), {}, body))

    def delete(self, path: str) -> None:
        """Deletes something."""
        self._asked("DELETE", self._url(path))

    def graphql(self, query: str, **variables: str) -> Any:
        """The `data` of a GraphQL query, for what the REST API does not tell."""
        body = {"query": query, "variables": variables}
        answer = self._json(self._asked("POST", self.settings.graphql_url, {}, body))
        if not isinstance(answer, dict) or answer.get("errors") or not isinstance(answer.get("data"), dict):
            raise ForgeError(self._clean(f"GitHub's GraphQL API refused: {_messages(answer)}"))
        return answer["data"]

    def download(self, path: str, most_bytes: int) -> bytes:
        """A file that GitHub hands out by a redirect to its storage, which must not see the token."""
        answer = self._asked("GET", self._url(path))
        target = answer.headers.get("location", "")
        if answer.status_code != 302 or not target:
            raise ForgeError(f"GitHub's answer to {_where('GET', self._url(path))} is no download")
        _hold_safe(target, "the address of a download")
        return self._retried("the storage of artifacts", lambda: self._streamed(target, most_bytes))

    def _streamed(self, url: str, most_bytes: int) -> bytes:
        found = bytearray()
        with self._http.stream("GET", url) as answer:
            if answer.status_code >= 500:
                raise httpx.TransportError(f"it answers {answer.status_code}")
            if answer.status_code != 200:
                raise ForgeError(f"the storage of artifacts answers {answer.status_code} for {_origin(url)}")
            for part in answer.iter_bytes():
                found += part
                if len(found) > most_bytes:
                    raise ForgeError(f"a download is larger than {most_bytes:,} bytes")
        return bytes(found)

    def _retried(self, what: str, ask: Callable[[], bytes]) -> bytes:
        for attempt in range(ATTEMPTS):
            try:
                return ask()
            except httpx.TransportError as error:
                problem = self._clean(f"{what} does not answer: {error or type(error).__name__}")
                if attempt + 1 < ATTEMPTS:
                    self._sleep(2**attempt)
        raise ForgeError(problem)

    def _asked(
        self,
        method: str,
        url: str,
        query: Mapping[str, Query] | None = None,
        body: Mapping[str, Any] | None = None,
        again: bool = True,
    ) -> httpx.Response:
        """The answer, after as many attempts as it takes; `again`: whether a request that failed may be repeated."""
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                # Empty parameters would take away those that a next page's address has.
                asked = dict(query) if query else None
                answer = self._http.request(method, url, params=asked, json=body, headers=self._headers())
            except httpx.TransportError as error:
                problem = f"GitHub does not answer ({_where(method, url)}): {error or type(error).__name__}"
                unsure = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                wait = float(2**attempt)
            else:
                if answer.status_code < 400 and answer.status_code not in (301, 307, 308):
                    return answer
                problem = f"GitHub answers {answer.status_code} to {_where(method, url)}: {_said(answer)}"
                unsure = answer.status_code >= 500
                wait = self._wait(answer, attempt)
            if unsure and not again:
                raise UnsureError(self._clean(problem))
            if attempt + 1 < ATTEMPTS:
                self._sleep(wait)
        raise ForgeError(self._clean(f"{problem}; it was asked {ATTEMPTS} times"))

    def _wait(self, answer: httpx.Response, attempt: int) -> float:
        """Seconds until it is asked again. Raises ForgeError for an answer that time does not change."""
        if answer.status_code >= 500:
            return float(2**attempt)
        if answer.status_code == 404:
            where = _where(answer.request.method, str(answer.request.url))
            raise MissingError(f"GitHub has nothing at {where}, or the token may not see it")
        if not _limited(answer):
            raise ForgeError(self._clean(_refusal(answer, self.settings)))
        asked = answer.headers.get("retry-after", "")
        if asked.isdigit():
            wait = float(asked)
        elif answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            wait = max(1.0, (float(reset) if reset.isdigit() else self._now() + _LIMITED_SECONDS) - self._now() + 1)
        else:
            wait = float(_LIMITED_SECONDS * 2**attempt)
        if wait > LONGEST_WAIT_SECONDS:
            raise ForgeError(f"GitHub's rate limit is used up for {wait:,.0f} s more; run this again after that")
        return wait

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.settings.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "roster",
        }

    def _url(self, path: str) -> str:
        return f"{self.settings.api_url}/repos/{self.settings.repository}/{path}"

    def _json(self, answer: httpx.Response) -> Any:
        if answer.status_code == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise ForgeError(f"GitHub's answer to {_where('', str(answer.url))} is no JSON") from error

    def _clean(self, text: str) -> str:
        """On one line, without the token."""
        return " ".join(text.replace(self.settings.token, "***").split())


def _hold_safe(url: str, what: str) -> None:
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOCAL):
        raise ForgeError(f"{what} is {url.partition('?')[0]!r}; it must begin with https://")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _where(method: str, url: str) -> str:
    """A request for messages: without its query, which may be signed."""
    return f"{method} {urlsplit(url).path}".strip()


def _said(answer: httpx.Response) -> str:
    try:
        return _messages(answer.json())
    except ValueError:
        return answer.reason_phrase or "nothing more"


def _messages(content: object) -> str:
    """The messages in an error's body."""
    if not isinstance(content, dict):
        return "nothing more"
    words = [str(content.get("message", ""))]
    for one in content.get("errors") or []:
        words.append(str(one.get("message") or one.get("code") or "") if isinstance(one, dict) else str(one))
    return "; ".join(filter(None, words))[:500] or "nothing more"


def _limited(answer: httpx.Response) -> bool:
    """A used-up limit is 429 or 403, and told from a missing right by its headers or words."""
    if answer.status_code == 429:
        return True
    if answer.status_code != 403:
        return False
    headers = answer.headers
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in _said(answer)


def _refusal(answer: httpx.Response, settings: Settings) -> str:
    where, said = _where(answer.request.method, str(answer.request.url)), _said(answer)
    match answer.status_code:
        case 401:
            return f"GitHub does not take the token ({said}): it is wrong or expired; set GITHUB_TOKEN to a valid one"
        case 403:
            needed = answer.headers.get("x-accepted-github-permissions", "")
            return f"the token may not do this ({where}: {said})" + (f"; it needs {needed}" if needed else "")
        case 410:
            return f"what was at {where} is gone: {said}"
        case 301 | 307 | 308:
            return f"{settings.repository} has moved; set GITHUB_REPOSITORY to its name of today"
        case code:
            return f"GitHub refuses {where} ({code}): {said}"
