"""`settings.yaml`: what holds for all agents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.definition.addresses import Gateway, Peer
from components.definition.agent import Alerts
from components.definition.fields import Closed, ImageRef, Name
from components.definition.image_settings import ImageSettings
from components.definition.monitoring import MonitoringSettings
from components.definition.runtime import BaseImage


class Prices(Closed):
    """What resources cost; estimates in `plan` and `list` come from here."""

    currency: str = Field(description="Shown behind amounts.", examples=["USD"], pattern=r"^[A-Z]{3}$")
    cpu_core_month: float = Field(description="One reserved core for a month.", examples=[24.0], ge=0)
    memory_gib_month: float = Field(description="One reserved GiB of memory for a month.", examples=[3.2], ge=0)
    storage_gib_month: float = Field(description="One GiB of disk for a month.", examples=[0.1], ge=0)


class PlatformSettings(Closed):
    """`settings.yaml`: what holds for all."""

    version: Literal[1] = Field(description="The format of the catalog.")
    registry: ImageRef = Field(description="Where Roster's own images are pushed.", examples=["registry.example.com/a"])
    base_images: dict[Name, BaseImage] = Field(
        description="What images are built upon.", examples=[{"python": {"image": "python:3.11-slim"}}]
    )
    images: ImageSettings = Field(
        default_factory=lambda: ImageSettings.model_validate({}), description="How images are built, judged and signed."
    )
    prices: Prices = Field(description="What resources cost.")
    gateway: Gateway = Field(description="The gateway that exposed agents are reached through.")
    scraper: Peer = Field(description="The Prometheus that scrapes agents.")
    dns: Peer = Field(description="The cluster's DNS.")
    runbooks: str = Field(
        description="Where runbooks are read; {alert} stands for the alert's name.",
        examples=["https://git.example.com/roster/docs/runbooks/{alert}.md"],
        pattern=r"^https://.*\{alert\}.*$",
    )
    alerts: Alerts = Field(description="Alert thresholds of every pool; an agent may differ.")
    monitoring: MonitoringSettings = Field(
        default_factory=lambda: MonitoringSettings.model_validate({}),
        description="Where alerts, dashboards and logs go.",
    )
