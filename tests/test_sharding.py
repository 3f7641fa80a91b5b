"""Where agents lie: the same everywhere, evenly, and moving little when shards are added."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sharding import shard_of

names = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
counts = st.integers(1, 40)
PLACES = [4, 2, 4, 5, 8, 1, 2, 8, 2, 1, 8, 0, 2, 1, 6, 7, 0, 0, 5, 6]


def test_the_shard_of_known_agents_never_changes() -> None:
    """Another hash or another way to feed it would move a running fleet; these were computed once."""
    found = [shard_of("business", f"agent-{number}", 10) for number in range(20)]
    assert found == PLACES


@settings(deadline=None)
@given(names, names, counts)
def test_a_shard_is_one_of_the_pools(pool: str, agent: str, count: int) -> None:
    assert 0 <= shard_of(pool, agent, count) < count


@settings(deadline=None)
@given(names, names, counts)
def test_another_shard_moves_an_agent_to_itself_or_not_at_all(pool: str, agent: str, count: int) -> None:
    before, after = shard_of(pool, agent, count), shard_of(pool, agent, count + 1)
    assert after in (before, count)


@settings(max_examples=15, deadline=None)
@given(names, st.integers(1, 15))
def test_another_shard_moves_its_share_of_the_agents(pool: str, count: int) -> None:
    agents = [f"agent-{number}" for number in range(2000)]
    moved = sum(shard_of(pool, agent, count) != shard_of(pool, agent, count + 1) for agent in agents)
    expected = len(agents) / (count + 1)
    # Six standard deviations of a binomial distribution, at most.
    assert abs(moved - expected) < 6 * expected**0.5


def test_1500_agents_fill_15_shards_with_about_a_hundred_each() -> None:
    sizes = Counter(shard_of("pool", f"agent-{number:05}", 15) for number in range(1500))
    assert len(sizes) == 15
    assert min(sizes.values()) > 70
    assert max(sizes.values()) < 135


def test_agents_of_one_name_in_two_pools_are_placed_apart() -> None:
    pairs = [(shard_of("sales", f"a{n}", 10), shard_of("support", f"a{n}", 10)) for n in range(200)]
    assert sum(one == other for one, other in pairs) < 50


def test_a_pool_without_shards_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one shard"):
        shard_of("pool", "agent", 0)
