"""The laws of the design that hold for the generator, each with a test that is named after it."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from small_fleet import CHARACTER, MINIMAL, TODAY, catalog_files, findings, manifests, one, overlaid, tree, write

from ci.formats import FORMATS
from ci.inspection import Inspector
from ci.render import NotSound, render
from components.definition import catalog as models
from components.definition.agent import Definition
from components.definition.explain_error import validate
from components.definition.findings import InvalidInput
from components.definition.platform_settings import PlatformSettings
from components.definition.tree import Listing, MemoryTree, WorkTree
from components.definition.yaml_reader import Document
from components.fleet import Fleet
from components.manifest_yaml import dump, dump_all

ROOT = Path(__file__).parent.parent
SMALL = {
    "business/planner.yaml": MINIMAL + "exposure: {callers: [gateway, support/helper]}\n",
    "business/writer.yaml": MINIMAL.replace("{text: You answer questions.}", "{file: writer.md}")
    + "hosts: [a.example.com]\n",
    "business/writer.md": "Write.\n",
    "community/herald.yaml": CHARACTER + "channels: {telegram: }\n",
    "support/helper.yaml": MINIMAL
    + "calls: [business/planner]\nsecrets: {B: support/y#b, A: support/y#a}\nenv: {ZED: '1', WHY: '2'}\n",
}


def rendered(folder: Path) -> dict[str, bytes]:
    """Relative path → bytes of a render."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def render_of(state: MemoryTree | WorkTree, folder: Path, environment: str = "prod") -> dict[str, bytes]:
    render(Fleet.open(state), environment, folder, TODAY, processes=1)
    return rendered(folder)


# --- 2: same input, same bytes


def test_law_2_same_input_same_bytes_in_any_process_folder_locale_and_hash_order(tmp_path: Path) -> None:
    renders = []
    for number, (seed, locale) in enumerate((("0", "C"), ("12345", "C.UTF-8"))):
        top = tmp_path / f"clone {number}" / ("deep" * number)
        files = dict(reversed(SMALL.items())) if number else SMALL
        write(top, files)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": seed,
            "LC_ALL": locale,
            "TZ": "Asia/Tokyo",
        }
        cwd = top / "agents" if number else top
        command = [sys.executable, "-c", "from ci.cli import main; main()", "render", "-e", "prod", "--today", TODAY]
        subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True)
        renders.append(rendered(top / "out/prod"))
    assert renders[0] == renders[1]
    assert len(renders[0]) > len([name for name in SMALL if name.endswith(".yaml")])


def test_law_2_the_order_of_files_and_entries_changes_nothing(tmp_path: Path) -> None:
    state = tree(SMALL)
    first = render_of(state, tmp_path / "a")
    shuffled = list(state.contents.items())
    random.Random(7).shuffle(shuffled)  # noqa: S311
    for kind in ("providers", "channels", "plugins", "databases", "queues", "runtimes", "tiers", "teams"):
        path = f"agents/catalog/{kind}.yaml"
        entries = list(yaml.safe_load(state.contents[path]).items())
        shuffled.append((path, dump(dict(reversed(entries))).encode()))
    assert render_of(MemoryTree(dict(shuffled)), tmp_path / "b") == first


def test_law_2_no_version_of_roster_and_no_date_in_what_is_rendered(tmp_path: Path) -> None:
    import importlib.metadata

    text = b"".join(render_of(tree(SMALL), tmp_path / "a").values()).decode()
    assert f"roster {importlib.metadata.version('roster')}" not in text.lower()
    assert "app.kubernetes.io/version" not in text
    assert "creationtimestamp" not in text.lower()
    assert TODAY not in text


def test_law_2_the_day_is_an_argument() -> None:
    files = {"support/a.yaml": "version: 1\ndescription: Runs.\nowner: support\nruntime: agent-platform\n"}
    waiver = "\n".join(
        (
            "rule: image-pinned",
            "scope: [support/a]",
            "reason: Its makers publish no digest.",
            "owner: security",
            'expires: "2027-06-30"\n',
        )
    )
    days = {"2027-06-01": [], "2027-06-29": ["waiver-ends"], "2027-06-30": ["image-pinned", "waiver-expired"]}
    for today, expected in days.items():
        found = findings(files, {"waivers/w.yaml": waiver}, today)
        assert sorted({finding.rule for finding in found}) == expected


# --- 3: all errors at once


def test_law_3_ten_faults_in_ten_places_are_ten_findings() -> None:
    text = (
        "version: 2\n"
        "owner: 7\n"
        "runtme: fastapi\n"
        "modle: {name: x}\n"
        "tier: [small]\n"
        "port: 80\n"
        "hosts: ['*.example.com']\n"
        "scaling: {min: few, mx: 3}\n"
        "secrets: {KEY: pasted}\n"
        "restarts: -1\n"
    )
    found = findings({"business/a.yaml": text})
    assert {one.line for one in found} >= set(range(1, 11)), "\n".join(map(str, found))
    assert len([one for one in found if one.line == 8]) == 2
    assert {(one.rule, one.line) for one in found} >= {("missing-key", 1), ("unknown-key", 3), ("wrong-value", 9)}


def test_law_3_faults_of_every_stage_are_said_together() -> None:
    """What the reader, the models, the references and the rules refuse, in four files."""
    found = findings(
        {
            "business/a.yaml": "a: [\n",
            "business/b.yaml": MINIMAL + "zzz: 1\n",
            "business/c.yaml": MINIMAL.replace("growth", "groth"),
            "business/d.yaml": MINIMAL + "scaling: {min: 5, max: 3}\n",
            "business/e.yml": MINIMAL,
        }
    )
    assert [one.rule for one in found] == ["not-yaml", "unknown-key", "unknown-team", "min-above-max", "stray-file"]


# --- 4: no secret value anywhere

CANARY = "sk-ant-canary0123456789canary"
PLACES = [
    f"env: {{TOKEN: {CANARY}}}\n",
    f"env: {{{CANARY}: x}}\n",
    f"env: {CANARY}\n",
    f"secrets: {{TOKEN: {CANARY}}}\n",
    f"secrets: {{TOKEN: path#{CANARY}}}\n",
    f"secrets: {{{CANARY}: a/b#c}}\n",
    f"secrets: {CANARY}\n",
    f"secrets: {{TOKEN: {{value: {CANARY}}}}}\n",
    f"channels: {{webhook: {{secret: {CANARY}}}}}\n",
    f"channels: {{{CANARY}: {{}}}}\n",
    f"plugins: [{CANARY}]\n",
    f"hosts: [{CANARY}]\n",
    f"tier: {CANARY}\n",
    f"labels: {{a: {CANARY}}}\n",
    f"annotations: {{a: {CANARY}}}\n",
    f"image: {CANARY}\n",
    f"knowledge: [{CANARY}]\n",
    f"overrides: {{prod: {{env: {{A: {CANARY}}}}}}}\n",
    f"overrides: {{{CANARY}: {{}}}}\n",
    f"{CANARY}: x\n",
    f"env: {{A: !{CANARY} x}}\n",
    f"env: {{A: *{CANARY}}}\n",
    f"env: {{A: x, A: {CANARY}}}\n",
    f"description: {CANARY}\n",
    f"budget: {{tokens_per_day: {CANARY}}}\n",
    f"character: {{inline: {{name: {CANARY}, bio: 3}}}}\n",
    f"schedule: {{start: {CANARY}, stop: x, timezone: y}}\n",
    f"env: {{A: 'postgres://user:{CANARY}@db/x'}}\n",
    f"# {CANARY}\n",
]


@pytest.mark.parametrize("place", PLACES)
def test_law_4_a_pasted_credential_is_refused_and_never_repeated(place: str, tmp_path: Path) -> None:
    key = place.split(":", 1)[0]
    text = "".join(line for line in MINIMAL.splitlines(keepends=True) if not line.startswith(f"{key}:")) + place
    files = {"business/a.yaml": text, "business/b.yaml": MINIMAL}
    found = findings(files)
    assert found, "it is refused"
    for name, form in FORMATS.items():
        assert CANARY not in form(found), name
    with pytest.raises((NotSound, InvalidInput)) as caught:
        render(Fleet.open(tree(files)), "prod", tmp_path / "out", TODAY, processes=1)
    assert CANARY not in f"{caught.value!s} {caught.value!r}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "place",
    [
        "secrets: {TOKEN: %s}\n",
        "secrets: [%s]\n",
        "secrets: %s\n",
        "secrets: {TOKEN: [%s]}\n",
        "channels: {webhook: {secret: %s}}\n",
    ],
)
def test_law_4_what_stands_where_a_reference_belongs_is_not_repeated_whatever_its_shape(place: str) -> None:
    found = findings({"business/a.yaml": MINIMAL + place % "'correct horse battery'"})
    assert found
    assert all("correct horse" not in form(found) for form in FORMATS.values())


def test_law_4_only_references_are_rendered() -> None:
    objects = manifests(MINIMAL + "secrets: {TOKEN: business/of#key}\n")
    assert not [manifest for manifest in objects if manifest["kind"] == "Secret"]
    data = one(objects, "ExternalSecret")["spec"]["data"]
    assert {"secretKey": "TOKEN", "remoteRef": {"key": "prod/business/of", "property": "key"}} in data


# --- 5: nothing is truncated


def test_law_5_names_at_the_limit_are_rendered_in_full(tmp_path: Path) -> None:
    name = "a" * 51 + "b"
    more = (
        f"labels: {{{'l' * 63}: {'v' * 63}}}\nenv: {{{'E' * 128}: {'x' * 32768}}}\nprompt: {{text: {'p' * 100_000}}}\n"
    )
    text = MINIMAL.replace("prompt: {text: You answer questions.}\n", "") + more
    state = tree({f"business/{name}.yaml": text})
    found = Inspector(Fleet.open(state), TODAY, schemas=True).inspect(processes=1).findings
    assert found == []
    out = render_of(state, tmp_path / "out")[f"business/{name}.yaml"].decode()
    for whole in ("l" * 63, "v" * 63, "E" * 128, "x" * 32768, "p" * 100_000):
        assert whole in out
    assert all(manifest["metadata"]["name"] == name for manifest in yaml.safe_load_all(out))
    (refused,) = findings({f"business/{name}c.yaml": text})
    assert "at most 52 characters, this one has 53" in refused.message


# --- 6: closed definitions


def models_below(
    model: type[BaseModel], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """Every mapping with named keys that a model can hold, with the path to it."""
    yield path, model
    if len(path) > 8 or path.count("overrides") > 1:
        return
    for name, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            if inner is not model:
                yield from models_below(inner, (*path, name))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


TOPS = (Definition, PlatformSettings, *models.MAPPINGS.values(), *models.FOLDERS.values())
CLOSED = sorted({model for top in TOPS for _, model in models_below(top)}, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", CLOSED, ids=lambda model: model.__name__)
def test_law_6_an_unknown_key_is_refused_in_every_mapping(model: type[BaseModel]) -> None:
    document = Document("x.yaml", {"no_such_key": 1}, [], "no_such_key: 1\n")
    found = validate(model, document.value, document)
    assert "unknown-key" in {finding.rule for finding in found}
    assert "unknown key 'no_such_key'" in "\n".join(map(str, found))


def test_law_6_the_walk_finds_the_models_in_lists_and_mappings() -> None:
    names = {model.__name__ for model in CLOSED}
    assert {
        "Definition",
        "Settings",
        "Queue",
        "Channel",
        "ResourceAmounts",
        "Scratch",
        "CatalogModel",
        "Waiver",
    } <= names
    assert len(CLOSED) > 30


# --- 7: cost follows the change


class CountingTree(MemoryTree):
    """Files that say how often each was read."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__(contents)
        self.reads: Counter[str] = Counter()
        self.listings: Counter[str] = Counter()

    def read(self, path: str) -> bytes:
        self.reads[path] += 1
        return super().read(path)

    def files(self, folder: str) -> Listing:
        self.listings[folder] += 1
        return super().files(folder)


def test_law_7_one_agent_is_examined_from_its_own_files_and_the_catalog(tmp_path: Path) -> None:
    counting = CountingTree(tree(SMALL).contents)
    render(Fleet.open(counting), "prod", tmp_path / "out", TODAY, ["agents/business/writer.yaml"], processes=1)
    below = {path for path in counting.reads if path.startswith("agents/") and "/catalog/" not in path}
    assert below == {"agents/business/writer.yaml", "agents/business/writer.md"}
    assert max(counting.reads.values()) == 1, "nothing is read twice"
    assert counting.listings["agents"] == 1
    own = {name for name in rendered(tmp_path / "out") if not name.startswith(".")}
    assert own == {"business/writer.yaml"}


# --- 8: nothing shared moves


def test_law_8_adding_an_agent_changes_no_file_but_its_own(tmp_path: Path) -> None:
    before = render_of(tree(SMALL), tmp_path / "before")
    more = {
        **SMALL,
        "business/newcomer.yaml": MINIMAL + "exposure: {host: new.example.com}\nalerts: {p95_seconds: 3}\n",
    }
    after = render_of(tree(more), tmp_path / "after")
    marker = ".roster-output"
    assert after.keys() - before.keys() == {"business/newcomer.yaml"}
    assert {name: after[name] for name in before if name != marker} == {
        name: text for name, text in before.items() if name != marker
    }


def _git(top: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *settings, *arguments], cwd=top, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("seed", [1, 2])
def test_law_8_twenty_branches_that_each_add_an_agent_merge_in_any_order(tmp_path: Path, seed: int) -> None:
    top = write(tmp_path / "repository", SMALL)
    _git(top, "init", "-q", "-b", "main")
    _git(top, "add", "-A")
    _git(top, "commit", "-qm", "fleet")
    names = [f"new-{number:02}" for number in range(20)]
    for name in names:
        _git(top, "checkout", "-q", "-b", name, "main")
        (top / f"agents/business/{name}.yaml").write_text(MINIMAL)
        _git(top, "add", "-A")
        _git(top, "commit", "-qm", name)
    _git(top, "checkout", "-q", "main")
    random.Random(seed).shuffle(names)  # noqa: S311
    for name in names:
        _git(top, "merge", "-q", "--no-edit", name)
    assert _git(top, "status", "--porcelain") == ""
    inspection = Inspector(Fleet.open(WorkTree(top)), TODAY).inspect(processes=1)
    assert [one for one in inspection.findings if one.rule != "schema-drift"] == []
    assert inspection.agents == 24


# --- 10: safe by default


def test_law_10_with_nothing_said_the_pod_can_do_nothing_but_run() -> None:
    objects = manifests(MINIMAL)
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    must_hold = {
        "no token": pod["automountServiceAccountToken"] is False,
        "no token of the account": one(objects, "ServiceAccount")["automountServiceAccountToken"] is False,
        "an account of its own": pod["serviceAccountName"] == "sample",
        "no other services in its environment": pod["enableServiceLinks"] is False,
        "not root": pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0,
        "system calls filtered": pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"},
        "no more rights": container["securityContext"]["allowPrivilegeEscalation"] is False,
        "not privileged": container["securityContext"]["privileged"] is False,
        "no capabilities": container["securityContext"]["capabilities"] == {"drop": ["ALL"]},
        "read-only root": container["securityContext"]["readOnlyRootFilesystem"] is True,
        "limits": set(container["resources"]["limits"]) >= {"cpu", "memory", "ephemeral-storage"},
        "scratch is limited": all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume),
        "nothing of the node": not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
    }
    assert [what for what, holds in must_hold.items() if not holds] == []


def test_law_10_with_nothing_said_the_network_is_closed_but_for_model_and_names() -> None:
    policy = one(manifests(MINIMAL), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["egress"]]
    assert ports == [[53, 53], [443]], "names, and HTTPS to the model"
    assert [list(peer) for rule in policy["ingress"] for peer in rule["from"]] == [
        ["namespaceSelector", "podSelector"]
    ] * 2, "the gateway and Prometheus"
    silent = one(manifests("version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n"), "NetworkPolicy")[
        "spec"
    ]
    assert "ingress" not in silent
    assert silent["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"][0]["port"] for rule in silent["egress"]] == [53]


def test_law_10_a_pool_denies_everything_before_any_agent_is_there(tmp_path: Path) -> None:
    out = render_of(tree({}), tmp_path / "out")
    objects = list(yaml.safe_load_all(out["business/_pool.yaml"]))
    by_kind = {manifest["kind"]: manifest for manifest in objects}
    assert by_kind["NetworkPolicy"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert by_kind["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


# --- the house


def test_imports_go_one_way() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_catalog_fixture_overlays_entry_by_entry() -> None:
    """The tests' own tool: a wrong overlay would make cases say nothing."""
    text = catalog_files()["catalog/teams.yaml"]
    changed = overlaid(text, "growth:\n  description: New.\nnew:\n  description: Added.\n")
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    assert after["growth"] == {"description": "New."}
    assert {name: after[name] for name in before if name != "growth"} == {
        name: entry for name, entry in before.items() if name != "growth"
    }
    assert list(itertools.islice(after, len(before))) == list(before)
    assert json.dumps(after["new"]) == '{"description": "Added."}'
    with pytest.raises(InvalidInput):
        Fleet.open(tree({}, {"teams.yaml": "growth:\n  description: New.\n"}))
    assert dump_all([]) == ""
