"""JSON Web Tokens: signed with RS256 or ES256 by a key of the issuer, for this audience, valid now, with the scopes."""

from __future__ import annotations

from typing import Any

import jwt

from agent.auth.jwks import Jwks, JwksUnavailableError
from agent.errors import ApiError, Code
from agent.settings import JwtSettings

# Clocks differ.
LEEWAY_SECONDS = 10
ALGORITHMS = ("RS256", "ES256")
REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuerError, "its issuer is another one"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.MissingRequiredClaimError, "a claim is missing: exp, iss, aud and sub are needed"),
)


class Tokens:
    """Checks tokens of one issuer."""

    def __init__(self, settings: JwtSettings, jwks: Jwks) -> None:
        self.settings = settings
        self.jwks = jwks

    async def subject(self, token: str) -> str:
        """The `sub` of a valid token. ApiError UNAUTHORIZED, or FORBIDDEN when a scope is missing."""
        claims = await self._claims(token)
        missing = sorted(set(self.settings.scopes) - _scopes(claims))
        if missing:
            raise ApiError(Code.FORBIDDEN, f"The token lacks the scope {', '.join(missing)}.", {"missing": missing})
        return str(claims["sub"])

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            head = jwt.get_unverified_header(token)
            algorithm, key_id = head.get("alg"), head.get("kid")
            if algorithm not in ALGORITHMS or not (key_id is None or isinstance(key_id, str)):
                raise _invalid(f"it is not signed with one of {', '.join(ALGORITHMS)}")
            # The algorithm is the key's, not what the token claims: a public key is never taken for a shared secret.
            key = await self.jwks.key(key_id, algorithm)
            if key is None:
                raise _invalid("its key is not one of the issuer's")
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.settings.issuer,
                audience=self.settings.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            reason = next((text for kind, text in REASONS if isinstance(error, kind)), "it cannot be verified")
            raise _invalid(reason) from None
        except JwksUnavailableError:
            raise ApiError(
                Code.NOT_READY, "Tokens cannot be checked: the issuer's keys are out of reach.", retry_after=5
            ) from None


def _scopes(claims: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        if isinstance(value, str):
            found |= set(value.split())
        elif isinstance(value, list):
            found |= {item for item in value if isinstance(item, str)}
    return found


def _invalid(reason: str) -> ApiError:
    return ApiError(
        Code.UNAUTHORIZED,
        f"The token is not valid: {reason}.",
        headers=((b"www-authenticate", b'Bearer error="invalid_token"'),),
    )
