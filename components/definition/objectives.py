"""What callers of a tier's agents may count on: the objectives that error budgets are reckoned from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.definition.fields import Closed

# Where the runtime's histogram counts (components/images/fastapi/agent/metrics.py): between two of these bounds nobody
# knows how many requests were slower.
LATENCY_BOUNDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 20, 30, 45, 60, 90, 120)

# An objective of 100 % leaves no budget, and every single failure would be an alert.
ObjectivePercent = Annotated[float, Field(ge=50, lt=100)]


class Objectives(Closed):
    """What callers of its agents may count on, over 30 days. Alerts come when the budget is spent too fast."""

    availability_percent: ObjectivePercent | None = Field(
        None, description="Requests that succeed; what callers do wrong themselves counts as success.", examples=[99.5]
    )
    latency_seconds: float | None = Field(
        None, description="How long an answer may take: a bound of the runtime's histogram.", gt=0, examples=[10]
    )
    latency_percent: ObjectivePercent | None = Field(
        None, description="Requests that are answered in latency_seconds.", examples=[95]
    )
