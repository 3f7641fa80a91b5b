"""What the API server itself lets into the agents' namespaces, and that Kyverno's policy fits Kyverno's own schema."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from api import Api, ApiError, Manifest, wait_until
from control_plane import ControlPlane
from crds import OTHERS, install
from real_crds import download
from small_fleet import MINIMAL, fleet, manifests, one

from components.definition.image_settings import ImageSettings
from components.specs import pool_manifests
from components.specs.image_admission import image_admission

pytestmark = pytest.mark.xdist_group("cluster")

REGISTRY = "registry.example.com/roster"
DIGEST = "sha256:" + "ab" * 32
OURS = f"{REGISTRY}/fastapi@{DIGEST}"
PROXY = "docker.io/istio/proxyv2@sha256:" + "cd" * 32
FOREIGN = f"docker.io/library/nginx@{DIGEST}"
REFUSED = {
    "a tag": f"{REGISTRY}/fastapi:latest",
    "no tag": f"{REGISTRY}/fastapi",
    "another registry": FOREIGN,
    "a registry whose name begins like ours": f"registry.example.com/roster-evil/app@{DIGEST}",
    "a host that only looks like ours": f"registry-example.com/roster/app@{DIGEST}",
    "our registry as a part of another path": f"evil.example.com/{REGISTRY}/app@{DIGEST}",
    "a digest that is cut off": OURS[:-1],
    "another sidecar": PROXY.replace("cd", "ce"),
}
SIGNING = {"issuer": "https://token.actions.githubusercontent.com", "identity": "https://example.com/images.yaml@main"}
KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"


def settings(**admission: Any) -> ImageSettings:
    return ImageSettings.model_validate({"signing": SIGNING, "admission": {"sidecars": [PROXY], **admission}})


def references(suffix: str, **admission: Any) -> list[Manifest]:
    """The API server's own policy and its binding; Kyverno is not there to answer for the other one."""
    return [
        one for one in image_admission(REGISTRY, settings(**admission), suffix) if "kyverno" not in one["apiVersion"]
    ]


class Guarded:
    """A pool's namespace, made by the pool's own manifest, and one that belongs to no pool."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.suffix = f"-{secrets.token_hex(4)}"
        self.namespace = self.pool("business")
        self.elsewhere = f"elsewhere{self.suffix}"
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.elsewhere}})

    def pool(self, name: str) -> str:
        """The namespace of a pool, as Roster makes it; without the limits, which refuse for other reasons."""
        (made,) = [one for one in pool_manifests(name, "prod", fleet({}).catalog) if one["kind"] == "Namespace"]
        made = copy.deepcopy(made)
        made["metadata"]["name"] += self.suffix
        self.api.create(made)
        return str(made["metadata"]["name"])

    def deployment(self, image: str, **metadata: Any) -> Manifest:
        """An agent's Deployment as Roster renders it, with that image, in the pool's namespace."""
        made = copy.deepcopy(one(manifests(MINIMAL), "Deployment"))
        made["metadata"] |= {"namespace": self.namespace, "name": f"agent-{secrets.token_hex(4)}"} | metadata
        made["spec"]["template"]["spec"]["containers"][0]["image"] = image
        made["spec"]["replicas"] = 0
        return made

    def pod(self, image: str, **metadata: Any) -> Manifest:
        """A pod of that Deployment."""
        made = self.deployment(image, **metadata)
        spec = made["spec"]["template"]["spec"]
        spec.pop("serviceAccountName", None)
        spec.pop("priorityClassName", None)
        return {"apiVersion": "v1", "kind": "Pod", "metadata": made["metadata"], "spec": spec}

    def admits(self, manifest: Manifest) -> bool:
        """Whether it may be made; nothing is. A refusal for another reason fails the test."""
        path = self.api.path(manifest).rpartition("/")[0]
        return self._asked("POST", path, manifest)

    def may_become(self, manifest: Manifest, subresource: str = "") -> bool:
        """Whether the object that is there may be changed to this; nothing is."""
        return self._asked("PUT", self.api.path(manifest) + subresource, manifest)

    def _asked(self, method: str, path: str, manifest: Manifest) -> bool:
        try:
            self.api.call(method, path, manifest, dryRun="All")
        except ApiError as error:
            if error.status != 403 or "images of agents come from" not in str(error):
                raise
            return False
        return True


@pytest.fixture(scope="module")
def guarded(cluster: ControlPlane) -> Iterator[Guarded]:
    api = cluster.api
    found = Guarded(api)
    policies = references(found.suffix)
    for policy in policies:
        api.apply(policy, "roster")
    wait_until("the policy holds", lambda: not found.admits(found.deployment(FOREIGN)))
    yield found
    for policy in reversed(policies):
        api.delete(api.path(policy))
    wait_until("the policy is gone", lambda: found.admits(found.deployment(FOREIGN)))


@pytest.fixture(scope="module")
def kyverno_kind(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kyverno's schema of the policy, served."""
    module, file = OTHERS["ImageValidatingPolicy"]
    source = download(tmp_path_factory.mktemp("kyverno"))[module] / file
    install(cluster.api, [yaml.load(source.read_text("utf-8"), yaml.CSafeLoader)])
    # An established kind is listed a moment later.
    wait_until("the kind is listed", lambda: cluster.api.get("/apis/policies.kyverno.io/v1"))


def test_an_agent_with_the_registrys_image_by_digest_is_let_in(guarded: Guarded) -> None:
    assert guarded.admits(guarded.deployment(OURS))
    assert guarded.admits(guarded.pod(OURS))
    assert guarded.admits(guarded.pod(f"{REGISTRY}/mirror/docker.io/example/app:1.2.0@{DIGEST}"))
    assert guarded.admits(guarded.pod(PROXY)), "the catalog names it"


@pytest.mark.parametrize("image", REFUSED.values(), ids=REFUSED)
def test_any_other_image_is_refused_in_a_deployment_and_in_a_pod(guarded: Guarded, image: str) -> None:
    assert not guarded.admits(guarded.deployment(image))
    assert not guarded.admits(guarded.pod(image))


def test_whoever_is_refused_is_told_which_image_and_what_would_do(guarded: Guarded) -> None:
    with pytest.raises(ApiError) as refused:
        guarded.api.create(guarded.pod(FOREIGN))
    assert all(word in str(refused.value) for word in (FOREIGN, REGISTRY, "@sha256:"))


@pytest.mark.parametrize("kind", ["initContainers", "containers"])
def test_every_container_of_a_pod_counts(guarded: Guarded, kind: str) -> None:
    for manifest in (guarded.pod(OURS), guarded.deployment(OURS)):
        spec = manifest["spec"].get("template", manifest)["spec"]
        context = spec["containers"][0]["securityContext"]
        for image, fine in ((OURS, True), (FOREIGN, False)):
            second = {"name": "second", "image": image, "securityContext": context}
            changed = copy.deepcopy(manifest)
            changed["spec"].get("template", changed)["spec"].setdefault(kind, []).append(second)
            assert guarded.admits(changed) is fine


def test_a_debug_container_and_a_new_image_come_not_into_a_pod_that_runs(guarded: Guarded) -> None:
    api = guarded.api
    path = api.path(api.create(guarded.pod(OURS)))
    wait_until("the pod runs", lambda: api.get(path)["status"]["phase"] == "Running")
    pod = api.get(path)
    # Whatever a controller writes meanwhile is no conflict.
    del pod["metadata"]["resourceVersion"]
    changed = copy.deepcopy(pod)
    changed["spec"]["containers"][0]["image"] = FOREIGN
    assert not guarded.may_become(changed)
    debugged = copy.deepcopy(pod)
    context = {**pod["spec"]["containers"][0]["securityContext"]}
    debugged["spec"]["ephemeralContainers"] = [{"name": "debug", "image": FOREIGN, "securityContext": context}]
    assert not guarded.may_become(debugged, "/ephemeralcontainers")
    debugged["spec"]["ephemeralContainers"][0]["image"] = OURS
    assert guarded.may_become(debugged, "/ephemeralcontainers")
    api.delete(path)


def test_a_volume_that_is_an_image_counts(guarded: Guarded) -> None:
    for image, fine in ((OURS, True), (FOREIGN, False)):
        pod = guarded.pod(OURS)
        pod["spec"].setdefault("volumes", []).append({"name": "data", "image": {"reference": image}})
        assert guarded.admits(pod) is fine


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_whatever_makes_pods_is_held_to_the_same(guarded: Guarded, kind: str) -> None:
    for image, fine in ((OURS, True), (FOREIGN, False)):
        deployment = guarded.deployment(image)
        template, selector = deployment["spec"]["template"], deployment["spec"]["selector"]
        job = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
        version, spec = {
            "StatefulSet": ("apps/v1", {"selector": selector, "template": template, "serviceName": "x"}),
            "DaemonSet": ("apps/v1", {"selector": selector, "template": template}),
            "Job": ("batch/v1", job),
            "CronJob": ("batch/v1", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}),
        }[kind]
        assert (
            guarded.admits({"apiVersion": version, "kind": kind, "metadata": deployment["metadata"], "spec": spec})
            is fine
        )


def test_a_pool_that_comes_later_is_guarded_from_its_first_moment(guarded: Guarded) -> None:
    later = guarded.pool("support")
    assert not guarded.admits(guarded.deployment(FOREIGN, namespace=later))
    assert guarded.admits(guarded.deployment(OURS, namespace=later))


def test_namespaces_that_are_no_pools_are_left_alone(guarded: Guarded) -> None:
    assert guarded.admits(guarded.pod(FOREIGN, namespace=guarded.elsewhere))


def test_what_ran_before_the_policy_can_be_switched_off_but_not_be_given_another_bad_image(guarded: Guarded) -> None:
    api = guarded.api
    binding = references(guarded.suffix)[1]
    api.delete(api.path(binding))
    wait_until("the policy is off", lambda: guarded.admits(guarded.deployment(FOREIGN)))
    old = guarded.deployment(FOREIGN)
    old["spec"] |= {"replicas": 1, "selector": {"matchLabels": {"old": "yes"}}}
    template = old["spec"]["template"]
    template["metadata"]["labels"]["old"] = "yes"
    for key in ("serviceAccountName", "priorityClassName", "volumes"):
        template["spec"].pop(key, None)
    template["spec"]["containers"][0].pop("volumeMounts", None)
    path = api.path(api.create(old))

    def pods() -> list[Manifest]:
        return api.items(f"/api/v1/namespaces/{guarded.namespace}/pods", labelSelector="old=yes")

    wait_until("it runs", lambda: [one for one in pods() if one["status"]["phase"] == "Running"])
    api.apply(binding, "roster")
    wait_until("the policy holds", lambda: not guarded.admits(guarded.deployment(FOREIGN)))
    worse = copy.deepcopy(old)
    worse["spec"]["template"]["spec"]["containers"][0]["image"] = f"docker.io/library/other@{DIGEST}"
    assert not guarded.may_become(worse)
    # As a kill switch does it: no pods, and a change of the template with it.
    template["metadata"]["labels"]["stopped"] = "true"
    old["spec"]["replicas"] = 0
    api.call("PUT", path, old)
    wait_until("it is stopped", lambda: not pods())
    # Whoever waits for the rollout, as the engine does, waits for that.
    sets = f"/apis/apps/v1/namespaces/{guarded.namespace}/replicasets"
    wait_until("the change is rolled out", lambda: api.items(sets, labelSelector="old=yes,stopped=true"))
    api.delete(path)


def test_in_audit_mode_everything_is_let_in(guarded: Guarded) -> None:
    api = guarded.api
    api.apply(references(guarded.suffix, mode="audit")[1], "roster")
    wait_until("nothing is refused", lambda: guarded.admits(guarded.deployment(FOREIGN)))
    api.apply(references(guarded.suffix)[1], "roster")
    wait_until("the policy holds", lambda: not guarded.admits(guarded.deployment(FOREIGN)))


@pytest.mark.parametrize(
    "signing", [SIGNING, {"key": KEY}, {**SIGNING, "credentials": True}], ids=["keyless", "key", "private registry"]
)
def test_kyverno_takes_its_policy_as_it_is(cluster: ControlPlane, kyverno_kind: None, signing: dict[str, Any]) -> None:
    api = cluster.api
    private = (
        {"credentials": {"providers": ["amazon"], "secrets": ["registry"]}} if signing.pop("credentials", 0) else {}
    )
    found = ImageSettings.model_validate({"signing": signing, "admission": private})
    suffix = f"-{secrets.token_hex(4)}"
    *_, policy = image_admission(REGISTRY, found, suffix)
    applied = api.apply(policy, "roster")
    assert applied["spec"]["failurePolicy"] == "Fail"
    assert applied["spec"]["validationActions"] == ["Deny"]
    # What the schema does not know, the API server drops from the object; strictly asked, it refuses.
    assert _within(policy["spec"], applied["spec"])
    api.delete(api.path(policy))


def test_the_api_server_finds_nothing_to_say_about_the_expressions(guarded: Guarded) -> None:
    policy = references(guarded.suffix)[0]

    def checked() -> Any:
        status = guarded.api.get(guarded.api.path(policy)).get("status", {})
        return status if status.get("observedGeneration") else None

    assert wait_until("the expressions are checked", checked).get("typeChecking", {}) == {}


def _within(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return all(key in theirs and _within(value, theirs[key]) for key, value in ours.items())
    return bool(ours == theirs)
