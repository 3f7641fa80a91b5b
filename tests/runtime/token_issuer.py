"""A token issuer for tests: keys, their JWKS over HTTP, and tokens, also such as no library would make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://login.example.com/"
AUDIENCE = "agents"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """An RS256 or ES256 key with its id."""

    def __init__(self, key_id: str, algorithm: str) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.private: Any = (
            rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
        )

    def jwk(self) -> dict[str, str]:
        """The public half."""
        numbers = self.private.public_key().public_numbers()
        common = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            return {**common, "kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        point = {"x": _b64(numbers.x.to_bytes(32, "big")), "y": _b64(numbers.y.to_bytes(32, "big"))}
        return {**common, "kty": "EC", "crv": "P-256", **point}

    def pem(self) -> bytes:
        """The public half as text, which an attacker would use as a shared secret."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public: bytes = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return public

    def sign(self, data: bytes) -> bytes:
        """As RFC 7518 says."""
        if self.algorithm == "RS256":
            signed: bytes = self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
            return signed
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token(self, *, head: dict[str, Any] | None = None, secret: bytes | None = None, **claims: Any) -> str:
        """A token valid for a minute; a claim that is None is left out; `secret` signs with HMAC instead."""
        now = int(time.time())
        base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "exp": now + 60, "scope": "agents:execute other"}
        given = {name: value for name, value in {**base, **claims}.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **(head or {})}
        parts = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(given).encode())}"
        if header["alg"] == "none":
            return f"{parts}."
        signature = self.sign(parts.encode()) if secret is None else hmac.digest(secret, parts.encode(), hashlib.sha256)
        return f"{parts}.{_b64(signature)}"


@dataclass(slots=True)
class Issuer:
    """What the JWKS address answers; `max_age` in seconds."""

    url: str = ""
    keys: list[Key] = field(default_factory=list)
    max_age: int = 300
    status: int = 200
    fetches: int = 0
    hang_seconds: float = 0
    """It sends a byte a while, for so long, before its answer."""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def issuing(*keys: Key) -> Iterator[Issuer]:
    """Serves the keys on a free port."""
    issuer = Issuer(keys=list(keys))

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            if issuer.hang_seconds:
                self._drip()
                return
            body = json.dumps({"keys": [key.jwk() for key in issuer.keys]}).encode()
            self.send_response(issuer.status)
            self.send_header("cache-control", f"max-age={issuer.max_age}")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            for _ in range(int(issuer.hang_seconds / 0.5)):
                if issuer.over.wait(0.5):
                    return
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield issuer
        finally:
            issuer.over.set()
            server.shutdown()
            thread.join()
