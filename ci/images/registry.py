"""Asks a registry which digest a name stands for, by the distribution API; each kind of no answer is an error."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from ci.images.references import Reference, is_local, parse
from ci.images.registry_login import Login, LoginError, login_for

ATTEMPTS = 4
TIMEOUT_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 60.0
# The distribution specification's advice for the size of a manifest.
_MOST_BYTES = 4 << 20
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]*)"')
_TOO_MANY, _SERVER_ERROR = 429, 500


class RegistryError(Exception):
    """No answer that can be used; `str()` is one line: the image, what is wrong, the way out."""


class RefusedError(RegistryError):
    """Nobody answers at the registry's address, or not by TLS that can be trusted."""


class SlowError(RegistryError):
    """The registry did not answer in time."""


class FailedError(RegistryError):
    """The registry answered that it has failed (5xx), or that it is asked too often (429), at every attempt."""


class DeniedError(RegistryError):
    """The login, or its absence, does not let the image be read."""


class GoneError(RegistryError):
    """The registry has no such tag, or no image of this digest any more."""


class MovedError(RegistryError):
    """The tag stands for another digest than the one that was recorded."""


class Registry:
    """Any registries, asked with the logins of docker's `config`; None: as anybody. Methods raise RegistryError."""

    def __init__(
        self,
        config: Path | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = config
        self._seconds = timeout_seconds
        self._sleep = sleep
        self._tokens: dict[tuple[str, str], str] = {}
        self._http = httpx.Client(timeout=timeout_seconds, follow_redirects=True)

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def digest(self, name: str) -> str:
        """The digest that an image's name stands for now. GoneError: the registry does not have it."""
        image = _parsed(name)
        answer = self._ask(image, "HEAD")
        found = str(answer.headers.get("docker-content-digest", ""))
        if not _DIGEST.fullmatch(found):
            # The header is no more than a recommendation.
            found = f"sha256:{hashlib.sha256(self._ask(image, 'GET').content).hexdigest()}"
        if image.digest and found != image.digest:
            raise FailedError(f"{image}: the registry answers with another image, {found}")
        return found

    def confirm(self, name: str) -> None:
        """That `host/repository:tag@digest` is there and the tag still stands for it. Raises GoneError, MovedError."""
        image = _parsed(name)
        if not image.digest:
            raise ValueError(f"{name} has no digest to confirm")
        self.digest(f"{image.host}/{image.repository}@{image.digest}")
        if image.tag and (now := self.digest(f"{image.host}/{image.repository}:{image.tag}")) != image.digest:
            raise MovedError(
                f"{image.host}/{image.repository}:{image.tag} has moved: it was {image.digest}, it is {now}; "
                "look at what changed, then record the new digest"
            )

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest or index itself."""
        image = _parsed(name)
        content = self._ask(image, "GET").content
        if image.digest and f"sha256:{hashlib.sha256(content).hexdigest()}" != image.digest:
            raise FailedError(f"{image}: what the registry sent has another digest")
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise FailedError(f"{image}: the registry sent something else than a manifest")
        return found

    def blob(self, name: str, digest: str) -> bytes:
        """What lies under that digest in the image's repository: a layer, or a signature's bundle."""
        image = _parsed(name)
        content = self._ask(image, "GET", f"blobs/{digest}").content
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise FailedError(f"{image}: what the registry sent as {digest} has another digest")
        return content

    def _ask(self, image: Reference, method: str, what: str = "") -> httpx.Response:
        url = f"{image.api}/{image.repository}/{what or f'manifests/{image.digest or image.tag}'}"
        key = (image.host, image.repository)
        answer = self._send(image, method, url, self._tokens.get(key, ""))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens[key] = self._authorization(image, answer.headers.get("www-authenticate", ""))
            answer = self._send(image, method, url, self._tokens[key])
        if answer.status_code == httpx.codes.NOT_FOUND:
            if image.digest:
                raise GoneError(
                    f"{image} is not in the registry any more; build or push it again, or record another digest"
                )
            raise GoneError(f"{image}: the registry has no such tag, or no such repository")
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise DeniedError(f"{image} may not be read with this login; run: docker login {image.host}")
        if not answer.is_success:
            raise FailedError(f"{image}: the registry answers {answer.status_code}, which means nothing here")
        return answer

    def _send(self, image: Reference, method: str, url: str, authorization: str = "", **more: Any) -> httpx.Response:
        """One request, repeated with growing waits while the registry is away, slow or failing."""
        headers = {"accept": _MANIFESTS} | ({"authorization": authorization} if authorization else {})
        problem: RegistryError = FailedError(f"{image} was not asked for")
        for attempt in range(ATTEMPTS):
            wait = 0.5 * 2**attempt
            try:
                answer = self._received(method, url, headers, more)
            except httpx.TimeoutException:
                problem = SlowError(
                    f"{image}: the registry gave no answer in {self._seconds:g} s, {ATTEMPTS} times; try later"
                )
            except httpx.HTTPError as error:
                what = str(error) or type(error).__name__
                problem = RefusedError(
                    f"{image}: no connection to {urlsplit(url).netloc}: {what}; is the name right, is it up?"
                )
            except ValueError as error:
                raise FailedError(f"{image}: {error}") from None
            else:
                if answer.status_code != _TOO_MANY and answer.status_code < _SERVER_ERROR:
                    return answer
                problem = FailedError(
                    f"{image}: {urlsplit(url).netloc} answers {answer.status_code}, {ATTEMPTS} times; try later"
                )
                wait = max(wait, _asked_for(answer))
            if attempt + 1 < ATTEMPTS:
                self._sleep(min(wait, _LONGEST_WAIT_SECONDS))
        raise problem

    def _received(self, method: str, url: str, headers: dict[str, str], more: dict[str, Any]) -> httpx.Response:
        with self._http.stream(method, url, headers=headers, **more) as answer:
            parts, size = [], 0
            for part in answer.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > _MOST_BYTES:
                    raise ValueError(
                        f"the registry sent more than {_MOST_BYTES >> 20} MiB where a manifest was asked for"
                    )
            kept = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
            return httpx.Response(answer.status_code, headers=kept, content=b"".join(parts))

    def _authorization(self, image: Reference, challenge: str) -> str:
        """The header that answers a registry's challenge, with the user's login or as anybody."""
        try:
            login = login_for(image.host, self._config)
        except LoginError as error:
            raise DeniedError(f"{image}: {error}") from None
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and login and login.user:
            return _basic(login)
        if scheme.lower() != "bearer":
            raise DeniedError(f"{image} may not be read without a login; run: docker login {image.host}")
        return f"Bearer {self._token(image, dict(_PARAMETER.findall(rest)), login)}"

    def _token(self, image: Reference, asked: dict[str, str], login: Login | None) -> str:
        realm = urlsplit(asked.get("realm", ""))
        if realm.scheme != "https" and not (realm.scheme == "http" and is_local(realm.netloc)):
            raise DeniedError(f"{image}: the registry sends logins to {realm.geturl()!r}, which is not https")
        form = {
            "service": asked.get("service", ""),
            "scope": asked.get("scope") or f"repository:{image.repository}:pull",
        }
        if login and login.identity:
            body = form | {"grant_type": "refresh_token", "refresh_token": login.identity, "client_id": "roster"}
            answer = self._send(image, "POST", realm.geturl(), data=body)
        else:
            header = _basic(login) if login else ""
            answer = self._send(image, "GET", realm.geturl(), header, params=form)
        try:
            said = answer.json()
            return str(said.get("token") or said["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise DeniedError(
                f"{image}: {realm.netloc} gives no token ({answer.status_code}); run: docker login {image.host}"
            ) from None


def _parsed(name: str) -> Reference:
    try:
        return parse(name)
    except ValueError as error:
        raise RegistryError(str(error)) from None


def _basic(login: Login) -> str:
    return f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def _asked_for(answer: httpx.Response) -> float:
    """Seconds that the registry wants to be left alone."""
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdigit() else 0.0
