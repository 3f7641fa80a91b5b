"""The rules as a Pulumi policy pack say the same as `roster check`: asked over gRPC in a process of its own."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pack_process import NOT_KNOWN, Pack, Said, copy_pack, running
from small_fleet import CHARACTER, MINIMAL, write

import policies.rules
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import Manifest
from components.stacks import Stack, all_stacks
from policies.judge import Policies
from policies.pack.judged import ENDED, KEPT, PackJudge
from policies.pack.objects import UnknownError, manifest_of
from policies.pack.repository import Repository
from policies.rule import Subject, Violation
from policies.rules import RULES
from stacks.contents import contents

TODAY = date.today()
MODULES = [
    importlib.import_module(f"policies.rules.{module.name}") for module in pkgutil.iter_modules(policies.rules.__path__)
]
READY = "version: 1\ndescription: Runs workflows.\nowner: support\nruntime: agent-platform\n"
POOLS = ("business", "community", "support")
KINDS = {"shard": "Agent", "pool": "Pool", "platform": "Platform"}


def waiver(scope: str, days: int) -> str:
    """A waiver that ends in so many days."""
    ends = TODAY + timedelta(days=days)
    return (
        f'rule: image-pinned\nscope: ["{scope}"]\nreason: Asked for, and tracked.\nowner: security\nexpires: "{ends}"\n'
    )


@dataclass(frozen=True)
class Sample:
    """A fleet on disk with the pack that stands in it."""

    pack: Pack
    fleet: Fleet

    def stack(self, name: str) -> Stack:
        """A stack by its name."""
        return next(one for one in all_stacks(self.fleet.catalog) if one.name == name)

    def manifests(self, stack: str, part: str) -> list[Manifest]:
        """A part's objects as rendered."""
        (found,) = [one for one in contents(self.fleet, self.stack(stack)).parts if one.name == part]
        return deepcopy(found.manifests)

    def deployment(self, agent: str) -> Manifest:
        """A Deployment in dev, as rendered."""
        return next(one for one in self.manifests("dev.support.0", agent) if one["kind"] == "Deployment")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Sound agents, one that breaks a rule, one that may, and one that might until yesterday."""
    top = tmp_path_factory.mktemp("repository")
    copy_pack(top)
    agents = {f"support/{name}.yaml": READY for name in ("broken", "waived", "ended")}
    agents |= {"business/answers.yaml": MINIMAL, "community/talks.yaml": CHARACTER, "support/sound.yaml": MINIMAL}
    waivers = {"waivers/a.yaml": waiver("support/waived", 100), "waivers/b.yaml": waiver("support/ended", -1)}
    write(top, agents, waivers)
    with running(top / "policies") as pack:
        yield Sample(pack, Fleet.open(WorkTree(top)))


@pytest.fixture(scope="module")
def examples() -> Iterator[Pack]:
    """The pack over the examples of all rules."""
    with running(Path(__file__).parent / "pack_of_examples") as pack:
        yield pack


def offline(violations: list[Violation]) -> Counter[Said]:
    """What `roster check` says, as the pack would."""
    found: Counter[Said] = Counter()
    for one in violations:
        words = f"{one.kind} {one.name}: {one.problem}"
        if one.lapsed:
            found[Said(ENDED, "warning", f"{one.rule.id}: {words}")] += 1
        elif not one.waived:
            found[Said(one.rule.id, one.rule.severity, words)] += 1
    return found


def test_each_rule_is_a_policy_with_what_it_is_for_and_what_to_do(sample: Sample) -> None:
    found = sample.pack.policies()
    assert list(found) == [*(rule.id for rule in RULES), KEPT, ENDED]
    for rule in RULES:
        assert found[rule.id].description == f"{rule.why} {rule.fix}"
        assert found[rule.id].enforcementLevel == (1 if rule.severity == "error" else 0), rule.id


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_the_examples_of_a_rule_are_judged_as_offline(examples: Pack, module: ModuleType) -> None:
    rule = module.RULE
    for kind in ("PASSING", "FAILING"):
        for number, example in enumerate(getattr(module, kind)):
            said = [
                one
                for manifest in example.manifests
                for one in examples.ask("examples", manifest, f"{rule.id}.{kind}.{number}")
                if one.policy == rule.id
            ]
            expected = Policies({}, TODAY.isoformat(), [rule]).judge(_kept(example.manifests), example.subject())
            assert Counter(said) == offline(expected), f"{kind} {number}"
            # Nothing with a null in it is ever registered (components/resources/order.py).
            if _kept(example.manifests) == list(example.manifests):
                assert bool(said) == (kind == "FAILING"), f"{kind} {number}"


def _kept(value: Any) -> Any:
    """As the wire has it: without nulls, keys sorted."""
    if isinstance(value, dict):
        return {key: _kept(one) for key, one in sorted(value.items()) if one is not None}
    return [_kept(one) for one in value] if isinstance(value, list | tuple) else value


def test_a_whole_fleet_is_judged_as_offline(sample: Sample) -> None:
    catalog = sample.fleet.catalog
    judge = Policies(catalog.waivers, TODAY.isoformat())
    seen: Counter[str] = Counter()
    for stack in all_stacks(catalog):
        if stack.environment != "dev" or (stack.kind == "shard" and stack.pool not in POOLS):
            continue
        for part in contents(sample.fleet, stack).parts:
            said = [
                one
                for manifest in part.manifests
                for one in sample.pack.ask(stack.name, manifest, part.name, KINDS[stack.kind])
            ]
            expected = offline(judge.judge(part.manifests, _subject(sample, stack, part.name)))
            assert Counter(said) == expected, f"{stack.name} {part.name}"
            seen.update({part.name: len(part.manifests)})
            if part.name in ("broken", "ended", "waived"):
                mandatory = [one.policy for one in said if one.level == "error"]
                assert mandatory == (["image-pinned"] if part.name == "broken" else []), part.name
    assert {"broken", "waived", "ended", "sound", "answers", "talks", "support", "platform"} <= seen.keys()


def _subject(sample: Sample, stack: Stack, name: str) -> Subject:
    if stack.kind != "shard":
        return Subject(stack.environment, stack.pool, None, sample.fleet.catalog)
    path = f"agents/{stack.pool}/{name}.yaml"
    agent = sample.fleet.examine(path, [stack.environment]).resolved[stack.environment]
    return Subject.of(agent, sample.fleet.catalog)


def _privileged(manifest: Manifest) -> Manifest:
    changed = deepcopy(manifest)
    changed["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
    return changed


def test_what_no_component_of_roster_registers_is_refused_when_it_breaks_a_rule(sample: Sample) -> None:
    bad = _privileged(sample.deployment("sound"))
    for stack in ("dev.support.0", "another"):
        said = sample.pack.ask(stack, bad)
        assert ("error", "container-privileged") in [(one.level, one.policy) for one in said], said


def test_what_was_applied_earlier_and_is_kept_stops_nobody(sample: Sample) -> None:
    """A rule that comes later must not keep a whole shard from being applied."""
    for agent in ("sound", "removed-meanwhile"):
        said = sample.pack.ask("dev.support.0", _privileged(sample.deployment("sound")), agent)
        assert {(one.level, one.policy) for one in said} == {("warning", KEPT)}, said
        assert any(one.words.startswith("container-privileged: Deployment sound: ") for one in said), said


def test_the_engines_form_of_an_object_is_the_same_object(sample: Sample) -> None:
    manifest = sample.deployment("broken")
    (rule,) = sample.pack.ask("dev.support.0", manifest, "broken")
    assert (rule.policy, rule.level) == ("image-pinned", "error")
    shown = manifest | {"status": {"replicas": 1.0}}
    shown["spec"]["minReadySeconds" if "minReadySeconds" not in shown["spec"] else "paused"] = None
    assert sample.pack.ask("dev.support.0", shown, "broken") == [rule]


def test_what_is_not_known_yet_is_not_judged_and_nothing_fails(sample: Sample) -> None:
    manifest = sample.deployment("broken")
    (known,) = sample.pack.ask("dev.support.0", manifest, "broken")
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = NOT_KNOWN
    assert sample.pack.ask("dev.support.0", manifest, "broken") == [known], "the files say what it will be"
    foreign = _privileged(manifest)
    assert "image-pinned" not in [one.policy for one in sample.pack.ask("another", foreign)]
    foreign["spec"]["template"]["spec"]["containers"] = NOT_KNOWN
    foreign["spec"]["template"]["spec"]["hostNetwork"] = True
    said = [one.policy for one in sample.pack.ask("another", foreign)]
    assert "container-privileged" not in said
    assert "pod-host-namespaces" in said, "what is known is judged"
    foreign["metadata"] = {"name": "x", "labels": NOT_KNOWN}
    foreign["spec"] = NOT_KNOWN
    assert all(one.level in ("error", "warning") for one in sample.pack.ask("another", foreign))


def test_an_object_is_read_once_and_by_the_policies_that_have_something_to_say(sample: Sample) -> None:
    """Each reading makes Python of the whole object; a hundred of them were most of what the pack took."""
    first, *others = sample.pack.policies()
    for agent, said in (("sound", set()), ("broken", {"image-pinned"})):
        over = sample.pack.passed_over("dev.support.0", sample.deployment(agent), agent)
        assert over == [one for one in others if one not in said]
        assert first not in over


def test_a_resource_that_is_shown_again_is_judged_anew(sample: Sample) -> None:
    """In one thread: the engine shows a replaced object twice under one URN."""
    tree = sample.fleet.tree
    assert isinstance(tree, WorkTree)
    judge = PackJudge(Repository(tree.top, TODAY.isoformat()))
    sound = sample.deployment("sound")
    urn = "urn:pulumi:another::roster::kubernetes:apps/v1:Deployment::sound"
    for turns in ((0, 1, 2), (1,), (1,)):
        for shown, refused in ((sound, False), (_privileged(sound), True)):
            for turn in turns:
                wanted = judge.wants("container-privileged", turn)
                assert wanted is (refused or turn == turns[0]), turn
                if wanted:
                    found = judge.verdicts(urn, "kubernetes:apps/v1:Deployment", shown)
                    assert ("container-privileged" in [one.policy for one in found]) is refused


def test_a_resource_that_is_no_object_of_a_cluster_is_nobodys_business() -> None:
    assert manifest_of("pulumi:providers:kubernetes", {"apiVersion": "v1", "kind": "Pod"}) is None
    assert manifest_of("docker-build:index:Image", {"push": True}) is None


def test_a_value_that_is_not_known_is_told_from_one_that_is_not_there() -> None:
    from pulumi_policy.proxy import unknown_checking_proxy

    props = {"apiVersion": "v1", "kind": "Pod", "spec": {"a": NOT_KNOWN, "b": [1.0, NOT_KNOWN], "c": None}}
    manifest = manifest_of("kubernetes:core/v1:Pod", unknown_checking_proxy(props))
    assert manifest is not None
    spec = manifest["spec"]
    assert "c" not in spec
    assert spec.get("d") is None
    for read in (lambda: spec["a"], lambda: spec.get("a"), lambda: list(spec["b"]), lambda: spec["b"][1]):
        with pytest.raises(UnknownError):
            read()
    assert spec["b"][0] == 1
    assert isinstance(spec["b"][0], int)
