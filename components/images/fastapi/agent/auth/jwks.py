"""The public keys of a token issuer: fetched when needed, cached, fetched anew when a key is not known."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque

import httpx2
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.logs import described, say

CACHE_SECONDS = 300.0
LONGEST_CACHE_SECONDS = 3600.0
# Keys that could not be fetched anew are used on for this long, then no token is taken.
STALE_SECONDS = 86_400.0
FETCHES_A_MINUTE = 6
FETCH_SECONDS = 5.0
# Who has a token whose key is known waits only so long for newer ones.
PATIENCE_SECONDS = 1.0
# After a failure nobody asks the issuer for so long.
COOL_DOWN_SECONDS = 2.0
LARGEST_BYTES = 512 * 1024
SMALLEST_RSA_BITS = 2048
PublicKey = RSAPublicKey | EllipticCurvePublicKey
_MAX_AGE = re.compile(r"max-age=(\d+)")


class JwksUnavailableError(Exception):
    """The issuer's keys could not be had."""


class Jwks:
    """The keys behind one URL, by their key id."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self.url = url
        self._client = client
        self._keys: dict[str, tuple[str, PublicKey]] = {}
        self._fetched = -STALE_SECONDS
        self._fresh_for = 0.0
        self._fetches: deque[float] = deque(maxlen=FETCHES_A_MINUTE)
        self._failed = -COOL_DOWN_SECONDS
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None, algorithm: str) -> PublicKey | None:
        """The key of this id (None: the only one there is) if it is one for the algorithm. JwksUnavailableError."""
        known = self._find(key_id) is not None and time.monotonic() - self._fetched <= STALE_SECONDS
        if time.monotonic() - self._fetched > self._fresh_for or not known:
            await self._refresh(PATIENCE_SECONDS if known else FETCH_SECONDS)
        if time.monotonic() - self._fetched > STALE_SECONDS:
            raise JwksUnavailableError
        found = self._find(key_id)
        return found[1] if found and found[0] == algorithm else None

    def _find(self, key_id: str | None) -> tuple[str, PublicKey] | None:
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    async def _refresh(self, patience: float) -> None:
        """Waits for the one fetch that all share, so long after it began; it goes on when its waiters do."""
        now = time.monotonic()
        if self._fetching is None or self._fetching.done():
            # Tokens with invented key ids must not make the service hammer the issuer.
            often = len(self._fetches) == FETCHES_A_MINUTE and now - self._fetches[0] < 60
            if often or now - self._failed < COOL_DOWN_SECONDS:
                return
            self._fetches.append(now)
            self._fetching = asyncio.create_task(self._try_to_fetch())
        await asyncio.wait([self._fetching], timeout=max(0.0, self._fetches[-1] + patience - now))

    async def _try_to_fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await self._fetch()
        except Exception as error:
            # Whatever an issuer sends, callers are answered.
            self._failed = time.monotonic()
            say(logging.WARNING, "The token issuer's keys could not be fetched", exception=described(error))

    async def _fetch(self) -> None:
        async with self._client.stream("GET", self.url, timeout=FETCH_SECONDS) as response:
            if response.status_code != 200:
                raise ValueError("not 200")
            data = b""
            async for piece in response.aiter_bytes():
                data += piece
                if len(data) > LARGEST_BYTES:
                    raise ValueError("too large")
        self._keys = _usable(orjson.loads(data))
        self._fetched = time.monotonic()
        said = _MAX_AGE.search(response.headers.get("cache-control", ""))
        self._fresh_for = min(max(float(said[1]), 1.0), LONGEST_CACHE_SECONDS) if said else CACHE_SECONDS


def _usable(document: object) -> dict[str, tuple[str, PublicKey]]:
    """The signing keys of a JWKS, each with the one algorithm that it may be used with. ValueError."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no keys")
    found: dict[str, tuple[str, PublicKey]] = {}
    for number, entry in enumerate(entries):
        if (
            not isinstance(entry, dict)
            or entry.get("kty") not in ("RSA", "EC")
            or entry.get("use") not in (None, "sig")
        ):
            continue
        try:
            key = jwt.PyJWK.from_dict(entry).key
        except jwt.PyJWTError:
            continue
        algorithm = _algorithm(key)
        if algorithm and entry.get("alg") in (None, algorithm):
            found[str(entry.get("kid", f"#{number}"))] = (algorithm, key)
    return found


def _algorithm(key: object) -> str | None:
    if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA_BITS:
        return "RS256"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    return None
