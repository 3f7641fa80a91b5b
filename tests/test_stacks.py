"""The stacks of a fleet: what they are called, what they hold, and that no two of them own one object."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from small_fleet import MINIMAL, fleet

from components.definition.findings import InvalidInput
from components.definition.load_catalog import Catalog
from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resolve.catalog_rules import MAX_STACK_NAME
from components.resources.order import identity
from components.stacks import all_stacks, holds, needs, parse_stack, stacks_of_agent
from stacks.contents import contents

POOLS = """\
business:
  description: A pool in both clusters of prod.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}
  shards: {prod: 3}
  clusters: {prod: [eu, us]}
"""
AGENTS = {f"business/agent-{number}.yaml": MINIMAL for number in range(12)}
SAMPLE = Path(__file__).parent.parent


def small() -> Fleet:
    return fleet(AGENTS, {"pools.yaml": POOLS})


def catalog() -> Catalog:
    return small().catalog


def test_names_say_environment_cluster_pool_and_shard() -> None:
    names = [stack.name for stack in all_stacks(catalog())]
    assert names[:4] == ["images", "dev.platform", "dev.business", "dev.business.0"]
    assert [name for name in names if name.startswith("prod.us.b")] == [
        "prod.us.business",
        "prod.us.business.0",
        "prod.us.business.1",
        "prod.us.business.2",
    ]
    assert "prod.eu.platform" in names
    # Other pools run in the first cluster, or in those that they name.
    assert "prod.eu.community.0" in names
    assert "prod.us.community.0" not in names
    assert "prod.us.support.0" in names
    assert "prod.eu.support.0" not in names


def test_a_pool_has_no_stack_where_it_does_not_run() -> None:
    assert [stack.name for stack in all_stacks(catalog()) if stack.pool == "trial"] == ["dev.trial", "dev.trial.0"]


def test_no_two_stacks_have_one_name_and_every_name_parses_to_its_stack() -> None:
    stacks = all_stacks(catalog())
    assert len({stack.name for stack in stacks}) == len(stacks)
    assert [parse_stack(stack.name, catalog()) for stack in stacks] == stacks


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("prod.eu.busines.0", "Did you mean 'prod.eu.business.0'"),
        ("prod.eu.business.7", "prod.eu.business has 3 shards, counted from 0"),
        ("prod.business.0", "Did you mean 'prod."),
        ("image", "Did you mean 'images'"),
        ("", "no stack ''"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(LookupError) as caught:
        parse_stack(name, catalog())
    assert hint in str(caught.value.args[0])


def test_every_agent_lies_in_one_shard_of_each_cluster_of_its_pool() -> None:
    sample = small()
    for path in sample.definitions:
        found = stacks_of_agent(sample.catalog, "prod", *agent_of(path))
        assert Counter(stack.cluster for stack in found) == {"eu": 1, "us": 1}
        assert len({stack.shard for stack in found}) == 1


def test_only_shards_hold_agents() -> None:
    for stack in all_stacks(catalog()):
        if stack.kind != "shard" or stack.pool != "business":
            assert not holds(stack, "business", "agent-1")


def test_a_stack_comes_after_all_that_it_needs() -> None:
    stacks = all_stacks(catalog())
    seen: set[str] = set()
    for stack in stacks:
        assert {other.name for other in needs(stack, catalog())} <= seen
        seen.add(stack.name)
    shard = parse_stack("prod.us.business.1", catalog())
    assert [one.name for one in needs(shard, catalog())] == ["prod.us.platform", "prod.us.business"]


@pytest.mark.parametrize("which", ["sample", "small"])
def test_no_two_stacks_hold_one_object(which: str) -> None:
    chosen = Fleet.open(WorkTree(SAMPLE)) if which == "sample" else small()
    filled = {agent_of(path)[0] for path in chosen.definitions}
    owners: dict[tuple[str, ...], str] = {}
    for stack in all_stacks(chosen.catalog):
        if stack.kind == "shard" and stack.pool not in filled:
            continue
        for part in contents(chosen, stack).parts:
            for manifest in part.manifests:
                key = (stack.context, *identity(manifest))
                assert key not in owners, f"{key} is in {owners[key]} and in {stack.name}"
                owners[key] = stack.name
    assert owners


def test_a_name_too_long_for_pulumi_is_refused() -> None:
    name = "a" * 50
    environments = f"""\
{name}:
  description: A long name.
  clusters: {{c{name}: {{context: one}}, d{name}: {{context: two}}}}
  secrets: {{refresh_hours: 1, store: {{kind: kubernetes, namespace: dev-secrets}}}}
"""
    with pytest.raises(InvalidInput, match=f"Pulumi takes {MAX_STACK_NAME}"):
        fleet({}, {"environments.yaml": environments})
