"""Which of a pool's stacks an agent lies in: rendezvous hashing, so that another stack more moves few agents."""

from __future__ import annotations

from hashlib import blake2b


def shard_of(pool: str, agent: str, count: int) -> int:
    """The number, from 0 and below `count`, of the shard that holds the agent.

    Each shard bids a hash of its number and the agent, and the highest bid wins. So going from n to n + 1 shards moves
    about one agent in n + 1, and each of them to the new shard (highest random weight; Thaler and Ravishankar, 1998).
    Raises ValueError when `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"a pool has at least one shard, not {count}")
    return max(range(count), key=lambda shard: _bid(pool, agent, shard))


def _bid(pool: str, agent: str, shard: int) -> bytes:
    # Names hold no slash, so no two agents bid alike.
    return blake2b(f"{pool}/{agent}/{shard}".encode(), digest_size=16).digest()
