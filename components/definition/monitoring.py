"""The catalog's `monitoring`: where alerts, dashboards and logs go. Routing is in `components.definition.routing`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.fields import Closed, Name, Percent
from components.definition.logs import LogSettings
from components.definition.routing import Routing

# An address that something is put behind.
Address = Annotated[str, Field(pattern=r"^https?://[^\s{}]+$", max_length=300)]


class Thresholds(Closed):
    """When the platform's own alerts begin."""

    pool_percent: Percent = Field(10, description="PoolDown and its kin above this share of the pool's agents.")
    quota_percent: Percent = Field(90, description="QuotaNearFull above this share of a pool's quota.")
    certificate_days: int = Field(14, description="CertificateExpiring so many days before the end.", ge=1, le=90)
    stack_hours: int = Field(4, description="StackNotApplied when a merge waits longer.", ge=1, le=168)
    silent_hours: int = Field(26, description="DeliverySilent when CI reported nothing for so long.", ge=1, le=336)


class MonitoringSettings(Closed):
    """Where alerts, dashboards and logs go, and when the platform's own alerts begin."""

    namespace: Name | None = Field(
        None, description="Where the platform's rules and dashboards are put; the scraper's with none."
    )
    owner: Name = Field("platform", description="The team that answers for the platform's own alerts.")
    grafana: Address | None = Field(
        None, description="Where dashboards are read; alerts link there.", examples=["https://grafana.example.com"]
    )
    alertmanager: Address | None = Field(
        None,
        description="Where `roster alerts` asks which alerts are silenced; with none it does not say.",
        examples=["https://alertmanager.example.com"],
    )
    pushgateway: Annotated[str, Field(pattern=r"^https?://[^\s{}@]+$", max_length=300)] | None = Field(
        None,
        description="Where CI reports what it applied; one with a password is named by ROSTER_PUSHGATEWAY instead.",
        examples=["https://pushgateway.example.com"],
    )
    dashboards: Literal["sidecar", "operator"] = Field(
        "sidecar", description="Dashboards as ConfigMaps for Grafana's sidecar, or as objects of the Grafana operator."
    )
    source: Annotated[str, Field(pattern=r"^https://.*\{path\}.*$")] | None = Field(
        None,
        description="Where the history of a file of this repository is read; {path} stands for the file.",
        examples=["https://git.example.com/platform/roster/commits/main/{path}"],
    )
    files: Annotated[str, Field(pattern=r"^https://.*\{path\}.*$")] | None = Field(
        None,
        description="Where a file of this repository is read; {path} stands for the file.",
        examples=["https://git.example.com/platform/roster/blob/main/{path}"],
    )
    routing: Routing | None = Field(
        None,
        description="Who is told of an alert, how and when; nothing is made of it with none.",
        examples=[{"form": "operator", "log": "https://alerts.example.com/log"}],
    )
    logs: LogSettings | None = Field(
        None,
        description="Where agents' logs are sent; with none no collector is set up.",
        examples=[{"loki": "http://loki-gateway.logging:80"}],
    )
    thresholds: Thresholds = Field(
        default_factory=lambda: Thresholds.model_validate({}), description="When the platform's own alerts begin."
    )
