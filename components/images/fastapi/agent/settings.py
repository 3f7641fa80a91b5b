"""The shape of `settings.json`. Unknown keys are ignored, so that an older pod survives a newer file."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from agent.safety import SafetySettings

Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


def _absent_when_null(value: Any) -> Any:
    return {} if value is None else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ModelSettings(_Part):
    """Which model, and how it is asked."""

    provider: str = ""
    name: str
    max_tokens: Positive = 4096
    temperature: float | None = None


class ProviderSettings(_Part):
    """Where the model is, which secret opens it, and what a million tokens cost."""

    api: Literal["anthropic", "openai"]
    base_url: str | None = None
    key: str
    input_per_million: float = Field(default=0.0, ge=0)
    output_per_million: float = Field(default=0.0, ge=0)


class PromptSettings(_Part):
    """The prompt's version and the values of its placeholders."""

    version: str = ""
    variables: dict[str, Any] = {}


class BudgetSettings(_Part):
    """What the agent may use a day (UTC); None: without a limit."""

    tokens_per_day: Positive | None = None
    cost_per_day: float | None = Field(default=None, gt=0)


class JwtSettings(_Part):
    """Whose tokens are taken."""

    issuer: str
    audience: str
    jwks_url: str
    scopes: tuple[str, ...] = ()

    @field_validator("jwks_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must be an http or https URL")
        return value


class AuthSettings(_Part):
    """Who may call; `api_keys` names a secret."""

    required: bool = True
    api_keys: str = "API_KEYS"
    jwt: JwtSettings | None = None


class LimitSettings(_Part):
    """How much a caller, an address and all together may ask; `redis` names a secret that holds a URL."""

    requests_per_minute: Positive = 100
    requests_per_minute_address: Positive = 300
    requests_per_minute_total: Positive = 3000
    redis: str | None = "REDIS_URL"
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Only these are believed when they say in X-Forwarded-For whose request they pass on."""
    max_concurrent: Positive = 16
    queue: int = Field(default=64, ge=0)
    queue_seconds: Seconds = 10
    max_characters: Positive = 5000
    max_body_bytes: Positive = 262_144
    idle_seconds: Seconds = 10


class TimeoutSettings(_Part):
    """`provider_seconds`: until the whole answer, or a stream's next piece; `attempts`: with the first one."""

    provider_seconds: Seconds = 60
    attempts: Positive = 3


class ServiceSettings(_Part):
    """How the service itself behaves."""

    auth: Annotated[AuthSettings, BeforeValidator(_absent_when_null)] = AuthSettings()
    limits: Annotated[LimitSettings, BeforeValidator(_absent_when_null)] = LimitSettings()
    timeouts: Annotated[TimeoutSettings, BeforeValidator(_absent_when_null)] = TimeoutSettings()
    safety: Annotated[SafetySettings, BeforeValidator(_absent_when_null)] = SafetySettings()


class Settings(_Part):
    """All of `settings.json`."""

    agent: str = Field(min_length=1)
    pool: str = ""
    environment: str = ""
    model: ModelSettings
    provider: ProviderSettings
    prompt: Annotated[PromptSettings, BeforeValidator(_absent_when_null)] = PromptSettings()
    budget: Annotated[BudgetSettings, BeforeValidator(_absent_when_null)] = BudgetSettings()
    knowledge: tuple[str, ...] = ()
    service: Annotated[ServiceSettings, BeforeValidator(_absent_when_null)] = ServiceSettings()

    @model_validator(mode="after")
    def _moderation_exists(self) -> Settings:
        safety = self.service.safety
        if safety.moderation != "off" and safety.moderation_by == "provider" and self.provider.api == "anthropic":
            raise ValueError("service.safety.moderation_by: Anthropic's API has no moderation; use words")
        return self
