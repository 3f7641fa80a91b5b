"""Stacks that the catalog names no more: shards whose agents move, and others that are only named."""

from __future__ import annotations

from small_fleet import MINIMAL, fleet

from ci.deploy.left_over import left_over
from components.stacks import all_stacks

CATALOG = fleet({"business/one.yaml": MINIMAL}).catalog


def test_stacks_of_the_catalog_are_not_left_over() -> None:
    found = left_over(CATALOG, [stack.name for stack in all_stacks(CATALOG)])
    assert (found.shards, found.others, found.words()) == ([], [], "")


def test_a_shard_that_its_pool_has_no_more_is_known_by_pool_and_cluster() -> None:
    (shard,) = left_over(CATALOG, ["prod.eu.business.2", "prod.eu.business.1"]).shards
    assert (shard.name, shard.environment, shard.cluster, shard.pool, shard.kind) == (
        "prod.eu.business.2",
        "prod",
        "eu",
        "business",
        "shard",
    )


def test_stacks_of_a_pool_that_is_gone_are_named() -> None:
    found = left_over(CATALOG, ["dev.sales", "dev.sales.0", "dev.business.x"])
    assert found.shards == []
    assert "dev.sales, dev.sales.0, dev.business.x" in found.words()
