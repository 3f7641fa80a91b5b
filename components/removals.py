"""How many agents may go at once without anybody saying that it is meant."""

from __future__ import annotations

# More than this many agents gone, or more than this share of them and at least a few, wants a second look.
MANY = 25
SHARE = 0.10
FEW = 5


def alarming(gone: int, total: int) -> bool:
    """Whether `gone` of `total` agents are too many to go by accident."""
    return gone > MANY or (gone >= FEW and gone > SHARE * total)
