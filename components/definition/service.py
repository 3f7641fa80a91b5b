"""What a definition says to the service of its runtime: who may call, how often, and what is looked for in texts."""

from __future__ import annotations

import ipaddress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from components.definition.fields import Closed, EnvName, Name


def _f(description: str, *examples: Any, **limits: Any) -> Any:
    return Field(None, description=description, examples=list(examples) or None, **limits)


# The service's own rules for patterns: what it would refuse in a pod is refused in review.
_RULES = Path(__file__).parent.parent / "images/fastapi/agent/safety/patterns.py"


def _compiles(pattern: str) -> str:
    wrong = _service_rules().wrong_with(pattern)
    if wrong:
        raise ValueError(f"a regular expression that is safe to search with; {wrong}")
    return pattern


@cache
def _service_rules() -> Any:
    spec = spec_from_file_location("roster_service_patterns", _RULES)
    if spec is None or spec.loader is None:
        raise ImportError(f"{_RULES} cannot be loaded")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"a network such as 10.0.0.0/8; {error}") from None
    if network.prefixlen < (8 if network.version == 4 else 7):
        raise ValueError("a network of proxies; this one is nearly everybody, who could then claim any address")
    return text


Address = Annotated[str, Field(pattern=r"^https://", max_length=500)]
Pattern = Annotated[str, Field(min_length=2, max_length=500), AfterValidator(_compiles)]
Action = Literal["off", "log", "mask", "block"]
Kind = Literal["email", "phone", "ssn", "card"]


class Jwt(Closed):
    """Tokens of an identity provider that callers may show."""

    issuer: Address = Field(description="The token's issuer (iss).", examples=["https://login.example.com/"])
    audience: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Whom the token is for (aud).", examples=["agents"]
    )
    jwks_url: Address = Field(
        description="Where its keys are read; agents may reach this host.",
        examples=["https://login.example.com/jwks.json"],
    )
    scopes: list[Annotated[str, Field(min_length=1, max_length=100)]] | None = _f(
        "Scopes that a token must have.", ["agents:execute"]
    )


class Auth(Closed):
    """Who may call."""

    required: bool | None = _f("false lets in whom the network lets in, without a name.", True)
    api_keys: EnvName | None = _f("The secret that holds the callers' keys, hashed: lines name:sha256.", "API_KEYS")
    jwt: Jwt | None = _f(
        "Tokens that are accepted besides keys.",
        {
            "issuer": "https://login.example.com/",
            "audience": "agents",
            "jwks_url": "https://login.example.com/jwks.json",
        },
    )


class Limits(Closed):
    """How much at once, and how often."""

    requests_per_minute: int | None = _f("Requests of one caller in a minute.", 100, ge=1, le=1_000_000)
    requests_per_minute_address: int | None = _f("Requests of one address in a minute.", 300, ge=1, le=1_000_000)
    requests_per_minute_total: int | None = _f("Requests of all in a minute.", 3000, ge=1, le=10_000_000)
    redis: EnvName | None = _f("The secret with the Redis address that pods share their counts in.", "REDIS_URL")
    max_concurrent: int | None = _f("Tasks that a pod works on at once.", 16, ge=1, le=10_000)
    queue: int | None = _f("Tasks that may wait in a pod.", 64, ge=0, le=100_000)
    queue_seconds: float | None = _f("How long a task may wait.", 10, gt=0, le=3600)
    max_characters: int | None = _f("Longest task.", 5000, ge=1, le=1_000_000)
    max_body_bytes: int | None = _f("Longest request.", 262_144, ge=1024, le=104_857_600)
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] | None = _f(
        "Networks that are believed about whom they forward for.", ["10.0.0.0/8"]
    )
    idle_seconds: float | None = _f("How long a connection may say nothing.", 10, gt=0, le=3600)


class Timeouts(Closed):
    """How long the model's provider may take."""

    provider_seconds: float | None = _f("For one answer.", 60, gt=0, le=3600)
    attempts: int | None = _f("Attempts, the first one included.", 3, ge=1, le=10)


class Safety(Closed):
    """What is looked for in tasks and answers. Each check can be off, log, mask or block."""

    pii: Action | None = _f("Personal data in tasks.", "mask")
    pii_kinds: list[Kind] | None = _f("Which kinds.", ["email", "phone", "ssn", "card"], min_length=1)
    pii_patterns: dict[Name, Pattern] | None = _f(
        "Kinds of your own, as regular expressions.", {"order-number": r"\bORD-[0-9]{8}\b"}
    )
    injection: Action | None = _f("Signs of prompt, SQL, script and shell injection in tasks.", "log")
    moderation: Action | None = _f("Content that is not wanted.", "block")
    moderation_by: Literal["provider", "words"] | None = _f("Who judges: the provider, or the list of words.", "words")
    words: list[Annotated[str, Field(min_length=2, max_length=100)]] | None = _f(
        "Words that are not wanted.", ["project tulip"]
    )
    output: Action | None = _f("Personal data in answers.", "mask")


class Service(Closed):
    """Settings of the service that Roster's own runtimes run."""

    auth: Auth | None = _f("Who may call.", {"required": True})
    limits: Limits | None = _f("How much at once, and how often.", {"requests_per_minute": 100})
    timeouts: Timeouts | None = _f("How long the model's provider may take.", {"provider_seconds": 60})
    safety: Safety | None = _f("What is looked for in tasks and answers.", {"pii": "mask"})
