"""The catalog's `monitoring.logs`: where agents' logs are sent, and what is kept of them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from components.definition.fields import Closed

# Labels of every log stream. Each has few values for an agent, so that an agent has few streams.
FIXED_LABELS = ("environment", "cluster", "namespace", "pool", "agent_id", "owner", "level")
# What the catalog may add.
MORE_LABELS = ("runtime",)
# Of these each request or pod has its own: they are kept beside the line, where a search finds them.
SEARCHED = ("pod", "request_id", "trace_id", "status", "code", "duration_ms", "tokens_used")

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~/-]*)?")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(
            "Loki's address with its scheme, without a password or a query, such as http://loki-gateway.logging:80"
        )
    if "/loki/api/" in text:
        raise ValueError("just Loki's address; /loki/api/v1/push is put behind it")
    return text


def _file(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", text) or "/../" in text:
        raise ValueError("the path of a file that the collector's pods mount, such as /etc/loki/token")
    return text


class LokiCredentials(Closed):
    """How the collector shows Loki who it is: a file of its own pods, never a value."""

    file: Annotated[str, AfterValidator(_file)] = Field(
        description="The mounted file with the token, or with the password where there is a username.",
        examples=["/etc/loki/token"],
    )
    username: Annotated[str, Field(pattern=r"^\S+$", max_length=100)] | None = Field(
        None, description="Basic authentication by this name; a bearer token with none.", examples=["agents"]
    )


class LogSettings(Closed):
    """Where agents' logs are sent, and what is kept of them."""

    loki: Annotated[str, AfterValidator(_address)] = Field(
        description="The Loki that the collector writes to.", examples=["http://loki-gateway.logging:80"]
    )
    tenant: Annotated[str, Field(pattern=r"^\S+$", max_length=150)] | None = Field(
        None, description="Loki's tenant; with none no tenant is named.", examples=["agents"]
    )
    credentials: LokiCredentials | None = Field(None, description="How the collector shows Loki who it is.")
    labels: list[Annotated[str, Field(max_length=100)]] = Field(
        [],
        description="Labels besides environment, cluster, namespace, pool, agent_id, owner and level: runtime.",
        examples=[["runtime"]],
    )
    lines_per_second: int = Field(
        100, description="The most that is taken of an agent; what is beyond is dropped, and counted.", ge=1, le=10_000
    )
    burst_lines: int = Field(2_000, description="So many more are taken at once.", ge=1, le=100_000)
    line_bytes: int = Field(
        131_072,
        description="A longer line is cut off here, and marked. Loki refuses more than 256 KiB unless it is told to.",
        ge=1024,
        le=262_144,
    )
    error_lines: int = Field(10, description="LogErrorBurst from so many lines of errors a minute.", ge=1, le=10_000)
