"""The whole Pulumi program, run for every stack: what is reviewed is what is registered, in order, and nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from projects import Ran

from components.digest import canonical
from components.resolve.catalog_rules import pool_clusters
from components.specs import agent_manifests, platform_manifests, pool_manifests
from components.specs.names import SECRET_READER

Place = tuple[str, str]


def registered(ran: Ran) -> Counter[tuple[Place, str]]:
    """Every registered object with the environment and the context that it goes to."""
    return Counter(
        ((stack.environment, run.provider["object"]["context"]), canonical(one["object"]))
        for stack, run, one in ran.objects()
    )


def expected(ran: Ran, manifests: dict[Place, list[dict[str, Any]]]) -> Counter[tuple[Place, str]]:
    """Manifests of the platform (pool '') and of pools in an environment, in all clusters that they belong to."""
    found: Counter[tuple[Place, str]] = Counter()
    catalog = ran.fleet.catalog
    for (environment, pool), of_pool in manifests.items():
        clusters = catalog.environments[environment].clusters
        for cluster in pool_clusters(catalog, pool, environment) if pool else clusters:
            found.update(((environment, clusters[cluster].context), _wired(manifest)) for manifest in of_pool)
    return found


def _wired(manifest: dict[str, Any]) -> str:
    """As it arrives: Pulumi's wire format knows doubles only, and 1 and 1.0 are one number to the provider."""
    return canonical(json.loads(json.dumps(manifest), parse_int=float))


def test_the_registered_objects_are_what_the_specs_make_no_more_and_no_less(ran: Ran) -> None:
    catalog = ran.fleet.catalog
    manifests: dict[Place, list[dict[str, Any]]] = {}
    for environment in catalog.environments:
        manifests[environment, ""] = platform_manifests(environment, catalog)
        for pool in catalog.pools:
            if environment in catalog.pool_environments(pool):
                manifests[environment, pool] = pool_manifests(pool, environment, catalog)
    for path in ran.fleet.definitions:
        for environment, agent in ran.fleet.examine(path).resolved.items():
            manifests[environment, agent.pool] += agent_manifests(agent)
    assert registered(ran) == expected(ran, manifests)


def test_the_registered_objects_are_the_files_that_render_writes(ran: Ran) -> None:
    manifests: dict[Place, list[dict[str, Any]]] = {}
    for environment in ran.fleet.catalog.environments:
        for file, documents in ran.rendered(environment).items():
            pool = file.split("/")[0] if "/" in file else ""
            manifests.setdefault((environment, pool), []).extend(documents)
    assert registered(ran) == expected(ran, manifests)


def test_an_objects_type_is_that_of_its_manifest(ran: Ran) -> None:
    for _, _, one in ran.objects():
        version, kind = one["object"]["apiVersion"], one["object"]["kind"]
        assert one["type"] == f"kubernetes:{'core/v1' if version == 'v1' else version}:{kind}"


def test_every_object_has_a_component_as_parent_and_its_clusters_provider(ran: Ran) -> None:
    for _, run, one in ran.objects():
        assert re.search(r"\$roster:index:(Agent|Pool|Platform)::", one["parent"])
        assert one["provider"] == f"{run.provider['urn']}::id-of-{run.provider['name']}"


def test_the_provider_is_the_clusters_and_says_nothing_of_this_machine(ran: Ran) -> None:
    for stack in ran.stacks:
        run = ran.runs[stack.name]
        if stack.kind == "images":
            continue
        settings = run.provider["object"]
        assert settings["context"] == ran.fleet.catalog.environments[stack.environment].clusters[stack.cluster].context
        assert settings["clusterIdentifier"] == f"{stack.environment}.{stack.cluster}"
        for switch in ("enableServerSideApply", "enableConfigMapMutable", "enableSecretMutable"):
            assert settings[switch] == "true"
        assert settings["upsertExistingObjects"] == "true"
        assert settings["enablePatchForce"] == settings["deleteUnreachable"] == "false"
        assert json.loads(settings["kubeClientSettings"])["qps"] >= 50
        assert "kubeconfig" not in settings
        assert "/home/someone" not in json.dumps(run.resources)


def test_all_shards_of_a_cluster_have_one_and_the_same_provider(ran: Ran) -> None:
    """Or an agent that moves to another shard would come with a second provider."""
    seen: dict[Place, Any] = {}
    for stack in ran.stacks:
        if stack.kind != "images":
            provider = ran.runs[stack.name].provider
            here = (provider["name"], provider["object"])
            assert seen.setdefault((stack.environment, stack.cluster), here) == here


def test_pods_start_after_all_that_they_need(ran: Ran) -> None:
    first = {"ConfigMap", "ServiceAccount", "ExternalSecret", "NetworkPolicy", "PersistentVolumeClaim"}
    for _, run, one in ran.objects():
        if one["object"]["kind"] == "Deployment":
            siblings = [other for other in run.objects if _parts(other)[0] == _parts(one)[0]]
            needed = {other["urn"] for other in siblings if other["object"]["kind"] in first}
            assert needed
            assert needed <= set(one["dependencies"])


def test_what_serves_or_scales_pods_comes_after_them(ran: Ran) -> None:
    after = {"Service", "HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "HTTPRoute"}
    for _, run, one in ran.objects():
        if one["object"]["kind"] in after:
            (pods,) = [other for other in run.of("Deployment") if _parts(other)[0] == _parts(one)[0]]
            assert pods["urn"] in one["dependencies"]
        if one["object"]["kind"] in ("HTTPRoute", "ScaledObject"):
            before = {"HTTPRoute": "Service", "ScaledObject": "TriggerAuthentication"}[one["object"]["kind"]]
            needed = {other["urn"] for other in run.of(before) if _parts(other)[0] == _parts(one)[0]}
            assert needed <= set(one["dependencies"])


def test_a_pools_objects_come_after_its_namespace_and_its_store_after_its_reader(ran: Ran) -> None:
    for stack in ran.stacks:
        if stack.kind == "pool":
            run = ran.runs[stack.name]
            (space,) = run.of("Namespace")
            assert all(space["urn"] in one["dependencies"] for one in run.objects if one is not space)
            (store,) = run.of("SecretStore")
            (reader,) = (one for one in run.of("ServiceAccount") if one["object"]["metadata"]["name"] == SECRET_READER)
            assert reader["urn"] in store["dependencies"]


def test_nothing_is_asked_for_before_what_it_depends_on(ran: Ran) -> None:
    for run in ran.runs.values():
        seen: set[str] = set()
        for one in run.resources:
            assert set(one["dependencies"]) <= seen
            seen.add(one["urn"])


def test_only_namespaces_are_protected(ran: Ran) -> None:
    for _, _, one in ran.objects():
        assert one.get("protect", False) == (one["object"]["kind"] == "Namespace")


def test_only_disks_are_kept_when_removed_and_nothing_is_half_ignored(ran: Ran) -> None:
    for _, _, one in ran.objects():
        assert one.get("retainOnDelete", False) == (one["object"]["kind"] == "PersistentVolumeClaim")
        assert not {"ignoreChanges", "deleteBeforeReplaceDefined", "replaceOnChanges", "importId"} & one.keys()


def test_no_secret_is_registered_and_no_value_is_marked_as_one(ran: Ran) -> None:
    for _, _, one in ran.objects():
        assert one["object"]["kind"] != "Secret"
        assert "additionalSecretOutputs" not in one


def test_the_images_stack_builds_nothing_that_is_recorded(ran: Ran) -> None:
    run = ran.runs["images"]
    assert [one["type"] for one in run.resources] == ["pulumi:pulumi:Stack"]
    assert all("@sha256:" in reference for reference in run.exports["images"].values())


def _parts(one: dict[str, Any]) -> list[str]:
    """A logical name's parts: component, kind, and the object's own name where it is another one."""
    parts: list[str] = one["name"].split("/")
    return parts
