"""Figures as people read them; `-` where nothing is known."""

from __future__ import annotations


def lasting(seconds: float) -> str:
    """A length of time, roughly."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 2 * 86_400:
        return f"{whole // 3600} h"
    return f"{whole // 86_400} days"


def number(value: float | None) -> str:
    """With as many digits as matter."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}" if value >= 0.1 else f"{value:.2f}"


def percent(value: float | None) -> str:
    """Of a hundred."""
    return "-" if value is None else f"{number(value)} %"


def seconds(value: float | None) -> str:
    """Milliseconds below one second."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def money(value: float | None) -> str:
    """Without the currency."""
    return "-" if value is None else f"{value:,.2f}"


def count(many: int, what: str) -> str:
    """`1 agent`, `2 agents`."""
    return f"{many:,} {what}{'s' * (many != 1)}"
