"""Alerts that an author writes for one agent, and the series that an agent exposes besides its runtime's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.fields import MEANINGS, Closed, Text

METRIC_PATTERN = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_ALERT_PATTERN = r"^[A-Z][A-Za-z0-9]{2,62}$"
MEANINGS[_ALERT_PATTERN] = "a name of 3 to 63 letters and digits, a capital first, such as RefundsSlow"

MEANINGS[METRIC_PATTERN] = "a metric's or a label's name: letters, digits and '_', such as refund_seconds"

MetricName = Annotated[str, Field(pattern=METRIC_PATTERN, max_length=200)]
AlertName = Annotated[str, Field(pattern=_ALERT_PATTERN)]


class OwnAlert(Closed):
    """An alert of one agent, on what it measures itself."""

    expression: str = Field(
        description="PromQL; Roster adds the agent to every selector.",
        examples=["rate(refund_seconds_sum[5m]) > 3"],
        min_length=1,
        max_length=2000,
    )
    summary: Text = Field(
        description="What whoever gets it reads; {{ $value }} and {{ $labels.… }} are filled in.",
        examples=["refunds take {{ $value | humanizeDuration }}"],
    )
    severity: Literal["critical", "warning", "info"] = Field(
        "warning", description="critical wakes somebody.", examples=["warning"]
    )
    minutes: int = Field(5, description="How long it must hold.", ge=0, le=1440, examples=[10])
    runbook: str | None = Field(
        None,
        description="What to do then: a Markdown file beside the definition, or an https:// address.",
        examples=["refunds-slow.md"],
        min_length=1,
        max_length=300,
    )
