"""What an agent could spend on its model: an honest upper bound, or that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from ci.threat.network import rosters_image
from ci.threat.statement import SPENDS, Statement
from components.definition.runtime import Runtime
from components.resolve.resolved import ResolvedAgent

MINUTES_A_DAY = 24 * 60
LONGEST_MONTH_DAYS = 31
MILLION = 1_000_000
NO_LIMIT = "no limit"
# Prompt and knowledge are counted in such steps, so that an edited sentence is no news of spending.
PROMPT_STEP_BYTES = 65_536
# What the service of Roster's runtimes does with nothing said: components/images/fastapi/agent/settings.py, held equal
# by a test, since the image does not carry Roster nor Roster the image's packages.
SERVICE_RATE = 3000
SERVICE_BODY_BYTES = 262_144
SERVICE_REDIS = "REDIS_URL"
SERVICE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens, in `currency`."""

    input: float
    output: float
    currency: str


def spends(agent: ResolvedAgent, runtime: Runtime, prices: Prices | None) -> Statement:
    """The most in a day and in a month of 31 days. `prices` is None for an agent whose runtime calls no model."""
    if prices is None:
        return _said("nothing that Roster knows of", "its image may call what it likes", "nothing known")
    if not runtime.service or not rosters_image(agent):
        what = f"the runtime {agent.runtime}" if rosters_image(agent) else "its own image"
        why = f"nobody knows that {what} counts requests or tokens"
        if agent.budget:
            why += ", so **nothing enforces the budget** in the definition"
        return _said(f"**{NO_LIMIT}**", why, NO_LIMIT)
    limits = agent.service.get("limits") or {}
    pods = 1 if _redis(limits) in {one.env for one in agent.secrets} else max(agent.scaling.min, agent.scaling.max)
    apart = "" if pods == 1 else f"; each of {pods} pods counts alone, since it holds no {_redis(limits)}"
    budget = _budget(agent.budget, prices)
    by_limits, how = _by_limits(agent, limits, prices)
    if budget is not None and budget <= by_limits:
        why = f"its budget{apart}; calls that are under way when it is used up are still paid"
        return _amount(budget * pods, prices.currency, why)
    # That nobody set a budget is the news; what the limits would let through is no figure to plan with.
    why = f"the most that its limits allow: {how}{apart}"
    return _amount(by_limits * pods, prices.currency, why, "**it has no budget**: ")


def _redis(limits: dict[str, Any]) -> str:
    return str(limits.get("redis") or SERVICE_REDIS)


def _budget(budget: dict[str, float], prices: Prices) -> float | None:
    found = [float(budget["cost_per_day"])] if budget.get("cost_per_day") else []
    if budget.get("tokens_per_day"):
        found.append(budget["tokens_per_day"] * max(prices.input, prices.output) / MILLION)
    return min(found, default=None)


def _by_limits(agent: ResolvedAgent, limits: dict[str, Any], prices: Prices) -> tuple[float, str]:
    """A day's cost for one counter of requests: each as long as may be, with every attempt paid. No token is
    shorter than a byte."""
    model = agent.model
    rate = int(limits.get("requests_per_minute_total") or SERVICE_RATE)
    body = int(limits.get("max_body_bytes") or SERVICE_BODY_BYTES)
    attempts = int((agent.service.get("timeouts") or {}).get("attempts") or SERVICE_ATTEMPTS)
    texts = [agent.prompt.text, *map(str, agent.prompt.variables.values())] if agent.prompt else []
    texts += agent.knowledge.values()
    told = sum(len(text.encode()) for text in texts)
    tokens_in = body + -(-told // PROMPT_STEP_BYTES) * PROMPT_STEP_BYTES
    tokens_out = model.max_tokens if model else 0
    call = (tokens_in * prices.input + tokens_out * prices.output) / MILLION
    how = f"{rate:,} requests a minute of {body:,} bytes, answers of {tokens_out:,} tokens, {attempts} attempts"
    return call * rate * MINUTES_A_DAY * attempts, how


def _amount(day: float, currency: str, why: str, before: str = "") -> Statement:
    value = f"{_money(day)} {currency} a day"
    return _said(f"{before}at most {value}, {_money(day * LONGEST_MONTH_DAYS)} a month", why, value)


def _money(amount: float) -> str:
    """Never less than the amount, as it is an upper bound."""
    if amount >= MILLION:
        return f"{ceil(amount * 10 / MILLION) / 10:,.1f} million"
    if amount >= 1000:
        return f"{ceil(amount):,}"
    return f"{ceil(round(amount * 100, 6)) / 100:,.2f}".removesuffix(".00")


def _said(text: str, why: str, value: str) -> Statement:
    return Statement(
        SPENDS,
        "model",
        f"{text} ({why})" if why else text,
        value,
        gained=f"could spend {value}",
        changed="could spend {}",
    )
