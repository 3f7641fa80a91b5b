"""Decisions of the specs that a golden file shows but does not explain."""

from __future__ import annotations

import ipaddress
import json

import pytest
from small_fleet import CHARACTER, MINIMAL, fleet, manifests, one, resolved, tree

from components.fleet import Fleet
from components.resolve.resolved import ResolvedAgent
from components.specs import agent_manifests, pool_manifests
from components.specs.config import config_checksum, config_data
from components.specs.pod import DRAIN_SECONDS

CHECKSUM = "roster/config-sha256"
PRIVATE = (
    "10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 127.0.0.1 100.64.0.1 fd00:ec2::254 fe80::1 ::1"
)
SCHEDULE = 'schedule: {start: "0 8 * * *", stop: "0 18 * * *", timezone: UTC}\n'


def template(text: str, environment: str = "prod", **files: str) -> dict[str, object]:
    given = {f"business/{name.replace('__', '.')}": content for name, content in files.items()}
    found: dict[str, object] = one(manifests(text, environment, files=given), "Deployment")["spec"]["template"]
    return found


def checksum(text: str, **files: str) -> str:
    metadata = template(text, **files)["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["annotations"][CHECKSUM])


def test_stopping_may_take_the_drain_and_then_the_runtimes_grace() -> None:
    pod = template(MINIMAL)["spec"]
    assert isinstance(pod, dict)
    assert pod["terminationGracePeriodSeconds"] == 80 + DRAIN_SECONDS
    assert pod["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": DRAIN_SECONDS}}
    silent = template("version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n")["spec"]
    assert isinstance(silent, dict)
    assert silent["terminationGracePeriodSeconds"] == 30, "nobody calls it, so nothing is drained"
    assert "lifecycle" not in silent["containers"][0]


@pytest.mark.parametrize(
    "change",
    [
        MINIMAL.replace("answer", "ask"),
        MINIMAL.replace("claude-sonnet-4-5", "claude-haiku-4-5"),
        MINIMAL.replace("4-5}", "4-5, temperature: 0.1}"),
        MINIMAL + "budget: {tokens_per_day: 5}\n",
    ],
)
def test_the_checksum_changes_with_what_the_agent_is_told(change: str) -> None:
    assert checksum(change) != checksum(MINIMAL)


@pytest.mark.parametrize(
    "change",
    [
        MINIMAL.replace("growth", "platform"),
        MINIMAL.replace("Answers questions.", "Answers well."),
        MINIMAL + "hosts: [a.example.com]\n",
        MINIMAL + "scaling: {max: 20}\n",
        "# a comment\n" + MINIMAL,
    ],
)
def test_the_checksum_stays_when_what_the_agent_is_told_stays(change: str) -> None:
    assert checksum(change) == checksum(MINIMAL)


def test_the_checksum_follows_the_files() -> None:
    text = MINIMAL.replace("{text: You answer questions.}", "{file: p.md}") + "knowledge: [k.md]\n"
    first = checksum(text, p__md="a", k__md="b")
    assert first == checksum(text, p__md="a", k__md="b")
    assert first != checksum(text, p__md="a2", k__md="b")
    assert first != checksum(text, p__md="a", k__md="b2")
    assert config_checksum({"a": "bc"}) != config_checksum({"ab": "c"}), "names and contents are told apart"


def test_no_change_of_scale_hosts_or_alerts_restarts_pods() -> None:
    for more in ("scaling: {max: 20}\n", "hosts: [a.example.com]\n", "alerts: {p95_seconds: 3}\n"):
        assert template(MINIMAL + more) == template(MINIMAL), more


def test_another_owner_is_told_to_pods_because_alerts_are_routed_by_their_label() -> None:
    before, after = template(MINIMAL), template(MINIMAL.replace("growth", "platform"))
    assert before != after
    assert json.dumps(before).replace('"growth"', '"platform"') == json.dumps(after)


def test_the_selector_never_changes_with_the_definition() -> None:
    plain = one(manifests(MINIMAL), "Deployment")["spec"]["selector"]
    for change in (
        MINIMAL.replace("growth", "platform"),
        MINIMAL + "labels: {example.com/a: b}\n",
        MINIMAL + "tier: large\n",
    ):
        assert one(manifests(change), "Deployment")["spec"]["selector"] == plain


def test_a_suspended_agent_has_no_pods_no_traffic_and_no_alerts_but_keeps_its_objects() -> None:
    text = (
        MINIMAL
        + "suspended: true\nexposure: {host: a.example.com}\nalerts: {p95_seconds: 2}\nscaling: {min: 2, max: 9}\n"
    )
    objects = manifests(text)
    assert one(objects, "Deployment")["spec"]["replicas"] == 0
    policy = one(objects, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & policy.keys()
    kinds = {manifest["kind"] for manifest in objects}
    assert not kinds & {"HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget", "PrometheusRule"}
    assert kinds >= {"ConfigMap", "ExternalSecret", "Service", "ServiceAccount"}


def test_a_suspended_environment_stops_every_agent_and_no_other_environment() -> None:
    state = tree({"business/a.yaml": MINIMAL})
    text = (
        state.contents["agents/catalog/environments.yaml"]
        .decode()
        .replace("staging:\n", "staging:\n  suspended: true\n")
    )
    state.contents["agents/catalog/environments.yaml"] = text.encode()
    examined = Fleet.open(state).examine("agents/business/a.yaml").resolved
    assert {name: agent.suspended for name, agent in examined.items()} == {
        "dev": "",
        "staging": "environment staging",
        "prod": "",
    }


def test_egress_to_hosts_leaves_out_every_private_address() -> None:
    policy = one(manifests(MINIMAL), "NetworkPolicy")["spec"]
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]
    for address in PRIVATE.split():
        assert not [block for block in blocks if reaches(block, address)], address
    for address in ("1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1"):
        assert [block for block in blocks if reaches(block, address)], address


def reaches(block: dict[str, object], address: str) -> bool:
    ip, outer = ipaddress.ip_address(address), ipaddress.ip_network(str(block["cidr"]))
    excluded = block.get("except", [])
    assert isinstance(excluded, list)
    return ip in outer and not any(ip in ipaddress.ip_network(one) for one in excluded)


def test_an_agent_without_hosts_reaches_no_address_at_all() -> None:
    policy = one(manifests("version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n"), "NetworkPolicy")[
        "spec"
    ]
    assert not [peer for rule in policy["egress"] for peer in rule["to"] if "ipBlock" in peer]


def test_a_schedule_scales_by_memory_too() -> None:
    text = MINIMAL + SCHEDULE + "scaling: {min: 2, max: 6, cpu: 60, memory: 80}\n"
    spec = one(manifests(text), "ScaledObject")["spec"]
    assert [trigger["type"] for trigger in spec["triggers"]] == ["cron", "cpu", "memory"]
    assert (spec["minReplicaCount"], spec["triggers"][0]["metadata"]["desiredReplicas"]) == (0, "2")


def test_thresholds_are_written_to_the_last_digit() -> None:
    rules = one(manifests(MINIMAL + "alerts: {queue_depth: 1234567, p95_seconds: 0.125}\n"), "PrometheusRule")
    expressions = [rule["expr"] for rule in rules["spec"]["groups"][0]["rules"] if "alert" in rule]
    assert [expression.rsplit("> ", 1)[1] for expression in expressions] == ["0.125", "1234567"]


def test_a_runbooks_address_keeps_its_other_braces() -> None:
    overlay = {"settings.yaml": "runbooks: https://example.com/{alert}?team={team}\n"}
    catalog = fleet({}, overlay).catalog
    text = json.dumps(pool_manifests("business", "prod", catalog))
    assert "https://example.com/AgentDown?team={team}" in text


def test_an_eliza_character_is_told_the_model_the_prompt_and_the_knowledge() -> None:
    text = CHARACTER + "prompt: {text: Speak briefly.}\nknowledge: [k.md]\n"
    agent = resolved(text, files={"business/k.md": "facts"})
    data = config_data(agent)
    character = json.loads(data["character.json"])
    assert character["system"] == "Speak briefly."
    assert character["settings"]["model"] == "claude-sonnet-4-5"
    assert character["knowledge"] == [{"path": "/etc/agent/knowledge/k.md", "shared": False}]
    assert data["knowledge.k.md"] == "facts"
    mounts = one(agent_manifests(agent), "Deployment")["spec"]["template"]["spec"]["volumes"][0]["configMap"]["items"]
    assert {"key": "knowledge.k.md", "path": "knowledge/k.md"} in mounts


@pytest.mark.parametrize(
    ("given", "recorded", "copy"),
    [
        ("docker.io/example/app:1.2.0", "docker.io/example/app:1.2.0", "mirror/docker.io/example/app"),
        ("localhost:5000/app", "localhost:5000/app", "mirror/localhost-5000/app"),
        ("app:1", "app:1", "mirror/docker.io/library/app"),
        ("docker.io/example/app:1.2.1", "docker.io/example/app:1.2.0", ""),
    ],
)
def test_a_recorded_ready_image_runs_as_its_copy_in_the_registry_by_digest(
    given: str, recorded: str, copy: str
) -> None:
    record = (
        f"image: {recorded}\ndigest: sha256:{'7' * 64}\nrepository: registry.example.com/roster/{copy or 'other'}\n"
    )
    record += 'scan: {scanner: grype, database: "2026-11-20", critical: 0, high: 0, medium: 0, low: 0}\n'
    opened = fleet({"business/a.yaml": MINIMAL + f"image: {given}\n"}, {"images/app.yaml": record})
    agent: ResolvedAgent = opened.examine("agents/business/a.yaml").resolved["prod"]
    pinned = f"registry.example.com/roster/{copy}@sha256:{'7' * 64}"
    assert agent.image.reference == (pinned if copy else given)
    assert agent.image.pinned == bool(copy)


def test_a_record_of_another_repository_is_not_taken() -> None:
    built = resolved(MINIMAL).image
    digest = "sha256:" + "7" * 64
    record = f'image: evil.example.com/x\ncontext_hash: "{built.context_hash}"\ndigest: {digest}\n'
    opened = fleet({"business/a.yaml": MINIMAL}, {"images/x.yaml": record})
    assert opened.examine("agents/business/a.yaml").resolved["prod"].image == built


def test_a_recorded_digest_takes_the_place_of_the_hash() -> None:
    agent = resolved(MINIMAL)
    assert agent.image.reference.endswith(f":{agent.image.context_hash[:16]}")
    digest = "sha256:" + "7" * 64
    record = (
        f'image: registry.example.com/roster/fastapi\ncontext_hash: "{agent.image.context_hash}"\ndigest: {digest}\n'
    )
    opened = fleet({"business/a.yaml": MINIMAL}, {f"images/{agent.image.context_hash}.yaml": record})
    recorded: ResolvedAgent = opened.examine("agents/business/a.yaml").resolved["prod"]
    assert recorded.image.reference == f"registry.example.com/roster/fastapi@{digest}"


@pytest.mark.parametrize(
    ("store", "key", "provider"),
    [
        (
            "{kind: vault, server: 'https://v.example.com', mount: m, auth_mount: k, role: r}",
            "prod/business/c-d",
            "vault",
        ),
        ("{kind: aws, region: eu-west-1, role: 'arn:aws:iam::123456789012:role/r'}", "prod/business/c-d", "aws"),
        ("{kind: gcp, project: p}", "prod--business--c-d", "gcpsm"),
        (
            "{kind: azure, vault_url: 'https://v.example.com', client: 7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f}",
            "prod--business--c-d",
            "azurekv",
        ),
        ("{kind: kubernetes, namespace: s}", "prod--business--c-d", "kubernetes"),
    ],
)
def test_a_reference_is_written_as_its_store_names_secrets(store: str, key: str, provider: str) -> None:
    environment = (
        "prod:\n  description: Live.\n  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}\n"
        f"  secrets: {{prefix: prod, refresh_hours: 1, store: {store}}}\n"
    )
    opened = fleet({"business/a.yaml": MINIMAL + "secrets: {A: business/c-d#k}\n"}, {"environments.yaml": environment})
    examined = opened.examine("agents/business/a.yaml")
    data = one(agent_manifests(examined.resolved["prod"]), "ExternalSecret")["spec"]["data"]
    assert data[0] == {"secretKey": "A", "remoteRef": {"key": key, "property": "k"}}
    stores = one(pool_manifests("business", "prod", opened.catalog), "SecretStore")
    assert list(stores["spec"]["provider"]) == [provider]
