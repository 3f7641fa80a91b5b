"""The config and secrets in force. A changed file is taken over without a restart; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import httpx2
from pydantic import ValidationError

from agent.auth import Authenticator
from agent.auth.api_keys import parsed
from agent.auth.jwks import Jwks
from agent.auth.tokens import Tokens
from agent.counters import SharedCounters
from agent.errors import ApiError
from agent.logs import JsonLines, say
from agent.metrics import Metrics
from agent.prompt import system_prompt
from agent.providers import Provider, provider_for
from agent.safety import ModerationError, Safety
from agent.secret_files import Fingerprint, Secrets, fingerprint
from agent.settings import Settings


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one request needs; a request keeps the one that it began with."""

    settings: Settings
    system: str
    provider: Provider | None
    auth: Authenticator
    safety: Safety

    def problems(self) -> list[str]:
        """Why the agent cannot serve; empty when it can."""
        found = []
        if self.provider is None:
            found.append(f"the provider's key is missing: the secret {self.settings.provider.key}")
        if self.auth.problem:
            found.append(self.auth.problem)
        return found


class Live:
    """Holds the current snapshot and looks at the two folders when it is told to."""

    def __init__(
        self,
        config: Path,
        secrets: Path,
        counters: SharedCounters,
        metrics: Metrics,
        client: httpx2.AsyncClient,
        lines: JsonLines,
    ) -> None:
        self.config = config
        self.secrets = Secrets(secrets)
        self.counters = counters
        self.metrics = metrics
        self.client = client
        self.lines = lines
        self.current: Snapshot | None = None
        self.broken: str | None = None
        self._seen: tuple[Fingerprint, Fingerprint] | None = None
        self._jwks: dict[str, Jwks] = {}

    async def look(self) -> None:
        """Loads anew when a file has changed. Never raises for what is in the files."""
        for _ in range(3):
            seen = (fingerprint(self.config), fingerprint(self.secrets.folder))
            if seen == self._seen:
                return
            self._seen = seen
            await self._load()

    async def _load(self) -> None:
        try:
            snapshot = self._snapshot()
        except ValidationError as error:
            # Only places and reasons: the values may be anything.
            self._refuse("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()))
            return
        except ValueError as error:
            self._refuse(str(error))
            return
        settings = snapshot.settings
        again = self.current is not None
        self.lines.agent_id = settings.agent
        if self.metrics.agent != settings.agent:
            self.metrics.rename(settings.agent)
        redis = settings.service.limits.redis
        await self.counters.connect(self.secrets.get(redis) if redis else None)
        self.current, self.broken = snapshot, None
        say(
            logging.INFO,
            "The changed config is in force" if again else "The config is in force",
            prompt_version=settings.prompt.version or None,
            model=settings.model.name,
        )
        for problem in snapshot.problems():
            say(logging.WARNING, f"Not ready: {problem}")

    def _refuse(self, reason: str) -> None:
        self.broken = reason
        self.metrics.config_errors.inc()
        kept = "the last good one stays in force" if self.current else "there is none to fall back on"
        say(logging.ERROR, f"The config cannot be used, {kept}: {reason}")

    def _snapshot(self) -> Snapshot:
        """ValueError (of pydantic, too) says which file or field is the trouble."""
        try:
            text = (self.config / "settings.json").read_bytes()
        except OSError as error:
            raise ValueError(f"settings.json: {error.strerror}") from None
        settings = Settings.model_validate_json(text)
        key = self.secrets.get(settings.provider.key)
        provider = provider_for(settings, key, self.client) if key else None
        return Snapshot(
            settings,
            system_prompt(self.config, settings.prompt.variables, settings.knowledge),
            provider,
            self._authenticator(settings),
            self._safety(settings, provider),
        )

    def _authenticator(self, settings: Settings) -> Authenticator:
        auth = settings.service.auth
        keys, wrong = parsed(self.secrets.get(auth.api_keys))
        if wrong:
            self.metrics.config_errors.inc()
            lines = ", ".join(map(str, wrong))
            say(logging.ERROR, f"{auth.api_keys}: not name:sha256-in-hex, and not used: line {lines}")
        tokens = None
        if auth.jwt is not None:
            url = auth.jwt.jwks_url
            self._jwks = {url: self._jwks.get(url) or Jwks(url, self.client)}
            tokens = Tokens(auth.jwt, self._jwks[url])
        return Authenticator(auth.required, keys, tokens)

    def _safety(self, settings: Settings, provider: Provider | None) -> Safety:
        safety = settings.service.safety
        if safety.moderation == "off" or safety.moderation_by != "provider":
            return Safety(safety)

        async def moderate(text: str) -> frozenset[str]:
            try:
                if provider is None:
                    raise LookupError
                async with asyncio.timeout(settings.service.timeouts.provider_seconds):
                    return await provider.flagged(text)
            except (ApiError, LookupError, TimeoutError) as error:
                raise ModerationError(type(error).__name__) from None

        return Safety(safety, moderate)
