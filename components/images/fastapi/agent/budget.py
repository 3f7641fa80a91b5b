"""What the agent used today (UTC), in tokens and in cost: checked before a call, booked after it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from agent.counters import SharedCounters
from agent.errors import ApiError, Code
from agent.metrics import Metrics
from agent.settings import BudgetSettings, ProviderSettings, Settings

DAY = 86_400
# Counters hold whole numbers: costs are counted in millionths of the currency.
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one call used."""

    input: int
    output: int

    def cost(self, provider: ProviderSettings) -> float:
        """In the catalog's currency."""
        return (self.input * provider.input_per_million + self.output * provider.output_per_million) / 1_000_000


def estimated(text_in: int, text_out: int) -> Usage:
    """For a call whose count is not known because it ended early, from numbers of characters: four a token."""
    return Usage(text_in // 4, (text_out + 3) // 4)


class Budget:
    """The day's use. What is booked counts here at once and goes to the other replicas within a second (`share`)."""

    def __init__(self, counters: SharedCounters, metrics: Metrics, now: Callable[[], float] = time.time) -> None:
        self.counters = counters
        self.metrics = metrics
        self._now = now
        self._day = 0
        self._whose = ""
        self._used = {"tokens": 0, "cost": 0}
        self._unshared: defaultdict[tuple[str, int, str], int] = defaultdict(int)

    def check(self, settings: Settings) -> None:
        """ApiError BUDGET_SPENT when nothing is left for today."""
        self._turn_of_day(settings)
        for kind, limit in _limits(settings.budget):
            if limit is not None and self._used[kind] >= limit:
                wait = (self._day + 1) * DAY - int(self._now())
                raise ApiError(
                    Code.BUDGET_SPENT,
                    f"The agent's {kind} budget of today is used up; it starts anew at midnight UTC.",
                    {"kind": kind},
                    retry_after=max(1, wait),
                )

    def book(self, settings: Settings, usage: Usage) -> None:
        """Counts what a call used."""
        self._turn_of_day(settings)
        cost = usage.cost(settings.provider)
        self.metrics.input_tokens.inc(usage.input)
        self.metrics.output_tokens.inc(usage.output)
        self.metrics.cost.inc(cost)
        for kind, amount in (("tokens", usage.input + usage.output), ("cost", round(cost * MICRO))):
            self._used[kind] += amount
            if self.counters.redis is not None:
                self._unshared[_owner(settings), self._day, kind] += amount
        self.show(settings.budget)

    async def share(self, settings: Settings) -> None:
        """Gives the other replicas what was booked here, and takes over what they booked."""
        self._turn_of_day(settings)
        for kind in self._used:
            # Without anything booked the total of the others is still asked for.
            self._unshared.setdefault((_owner(settings), self._day, kind), 0)
        for owner, day, kind in list(self._unshared):
            amount = self._unshared.pop((owner, day, kind))
            total = await self.counters.share(f"budget:{owner}:{day}:{kind}", amount, 2 * DAY)
            if total is None:
                self._unshared[owner, day, kind] += amount
            elif (day, owner) == (self._day, self._whose):
                # A Redis that was started anew has forgotten what this pod still knows.
                self._used[kind] = max(self._used[kind], total + self._unshared.get((owner, day, kind), 0))
        self.show(settings.budget)

    def show(self, budget: BudgetSettings) -> None:
        """Sets the metric of what is used."""
        for kind, limit in _limits(budget):
            if limit is not None:
                self.metrics.budget(kind, self._used[kind] / limit)

    def _turn_of_day(self, settings: Settings) -> None:
        day, owner = int(self._now()) // DAY, _owner(settings)
        if (day, owner) != (self._day, self._whose):
            self._day, self._whose, self._used = day, owner, dict.fromkeys(self._used, 0)


def _limits(budget: BudgetSettings) -> tuple[tuple[str, float | None], ...]:
    cost = None if budget.cost_per_day is None else budget.cost_per_day * MICRO
    return ("tokens", budget.tokens_per_day), ("cost", cost)


def _owner(settings: Settings) -> str:
    return f"{settings.environment}:{settings.pool}:{settings.agent}"
