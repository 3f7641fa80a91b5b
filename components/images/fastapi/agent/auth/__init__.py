"""Who is calling: an API key's name, or the subject of a token."""

from __future__ import annotations

from dataclasses import dataclass

from agent.asgi import Scope, header
from agent.auth.api_keys import ApiKeys
from agent.auth.tokens import Tokens
from agent.errors import ApiError, Code

# Longer than any token that an identity provider issues.
LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Takes what `Authorization: Bearer …` brings: an API key, or a JWT where tokens are set up."""

    required: bool
    keys: ApiKeys
    tokens: Tokens | None

    @property
    def problem(self) -> str | None:
        """Why nobody could be let in; None when somebody can."""
        if self.required and self.tokens is None and not self.keys:
            return "authentication is required, and there are neither API keys nor an issuer of tokens"
        return None

    async def caller(self, scope: Scope) -> str:
        """The caller's name, which limits count for. ApiError UNAUTHORIZED or FORBIDDEN."""
        if not self.required:
            return "anonymous"
        kind, _, credential = header(scope, b"authorization").partition(" ")
        credential = credential.strip()
        if kind.lower() != "bearer" or not credential:
            raise _unauthorized("An API key or a token is needed: Authorization: Bearer …", b"Bearer")
        if len(credential) <= LONGEST:
            name = self.keys.name_of(credential)
            if name is not None:
                return f"key:{name}"
            if self.tokens is not None and credential.count(".") == 2:
                return f"sub:{await self.tokens.subject(credential)}"
        raise _unauthorized("The API key or token is not valid.", b'Bearer error="invalid_token"')


def _unauthorized(message: str, challenge: bytes) -> ApiError:
    return ApiError(Code.UNAUTHORIZED, message, headers=((b"www-authenticate", challenge),))
