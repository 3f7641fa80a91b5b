"""Stacks that the catalog names no more: shards whose agents move, and others that are only named."""

from __future__ import annotations

from small_fleet import MINIMAL, fleet

from ci.deploy.left_over import left_over, renamed_stacks
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


def test_stacks_from_before_a_second_cluster_are_to_be_renamed_and_nothing_else() -> None:
    said = renamed_stacks(CATALOG, ["prod.business.0", "prod.platform", "dev.business.0", "dev.sales", "qa.business"])
    lines = [line.strip() for line in said.splitlines()[1:]]
    assert lines == [
        "pulumi stack rename prod.eu.business.0 --stack prod.business.0",
        "pulumi stack rename prod.eu.platform --stack prod.platform",
    ]
    assert renamed_stacks(CATALOG, [stack.name for stack in all_stacks(CATALOG)]) == ""


def test_stacks_from_when_there_were_several_clusters_are_to_be_renamed() -> None:
    said = renamed_stacks(CATALOG, ["dev.nonprod.business.0"])
    assert "pulumi stack rename dev.business.0 --stack dev.nonprod.business.0" in said
