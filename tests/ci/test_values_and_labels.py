"""Keys without a value, labels that Roster keeps for itself, and names of knowledge files."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_fleet import ASKER, CATALOG, HERALD, WRITER, write_fleet

from components.definition.findings import InvalidInput
from components.definition.tree import WorkTree
from components.fleet import Fleet

FILE = "agents/sales/writer.yaml"


def said(top: Path, text: str, **files: str) -> list[str]:
    """What is wrong with a definition, as `line:column rule message`."""
    write_fleet(top, {FILE: text})
    found = Fleet.open(WorkTree(top)).examine(FILE).findings
    return [f"{one.line}:{one.column} {one.rule} {one.message}" for one in found]


EMPTY = {
    "a required field": (WRITER.replace('owner: "red"', "owner:"), "4:1 empty-value owner has no value"),
    "null": (WRITER.replace("{TONE: kind}", "null"), "10:1 empty-value env has no value"),
    "a mapping with nothing in it": (
        WRITER.replace("  min: 3  # two are busy at noon\n", ""),
        "11:1 empty-value scaling",
    ),
    "deep inside": (WRITER.replace("max: 8", "max: ~"), "16:15 empty-value overrides.prod.scaling.max has no value"),
    "an item of a list": (WRITER.replace("crm.example.com", ""), "9:"),
}


@pytest.mark.parametrize(("text", "expected"), EMPTY.values(), ids=EMPTY)
def test_a_key_without_a_value_is_one_error_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    found = said(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(expected)
    assert "empty-value" in found[0]


def test_a_channel_and_an_override_may_have_nothing_to_say(tmp_path: Path) -> None:
    herald = HERALD.replace("channels: {telegram: {}}", "channels:\n  telegram:\noverrides:\n  prod:")
    write_fleet(tmp_path, {"agents/chat/herald.yaml": herald})
    examined = Fleet.open(WorkTree(tmp_path)).examine("agents/chat/herald.yaml")
    assert examined.findings == []
    assert examined.resolved["prod"].channels == ("telegram",)


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("teams", "email: red@example.com", "email: ", "email has no value"),
        ("channels", "  polling: true", "  polling:", "polling has no value"),
        (
            "channels",
            "TELEGRAM_BOT_TOKEN: bot-token",
            "TELEGRAM_BOT_TOKEN: ",
            "secrets.TELEGRAM_BOT_TOKEN has no value",
        ),
        ("settings", "registry: registry.example.com/roster", "registry:", "registry has no value"),
        ("tiers", "  priority: 2000", "  priority:", "priority has no value"),
        ("queues", "jobs:", "none:\njobs:", "none has no value"),
    ],
)
def test_the_catalog_is_held_to_the_same(tmp_path: Path, kind: str, old: str, new: str, expected: str) -> None:
    assert old in CATALOG[kind]
    write_fleet(tmp_path, {f"agents/catalog/{kind}.yaml": CATALOG[kind].replace(old, new)})
    with pytest.raises(InvalidInput) as error:
        Fleet.open(WorkTree(tmp_path))
    assert [(one.rule, one.message.split(";")[0]) for one in error.value.findings] == [("empty-value", expected)]


@pytest.mark.parametrize("label", ["role", "roster/pool", "app.kubernetes.io/name", "kubernetes.io/os"])
def test_a_label_of_rosters_own_is_refused(tmp_path: Path, label: str) -> None:
    found = said(tmp_path, f"{WRITER}labels: {{{label}: x}}\n")
    assert found[0].startswith(f"17:{10 + len(label) + 2} reserved-label labels: {label} is one of Roster's own")


def test_other_labels_are_fine_and_so_are_annotations_of_other_programs(tmp_path: Path) -> None:
    more = "labels: {example.com/role: x, team: z}\n"
    more += "annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: 'true'}\n"
    assert said(tmp_path, WRITER + more) == []
    assert "reserved-label" in said(tmp_path, WRITER + "annotations: {roster/config-sha256: x}\n")[0]


@pytest.mark.parametrize("name", ["house rules.md", "straße.md", "a" * 201])
def test_a_knowledge_file_whose_name_kubernetes_would_refuse_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "agents/sales").mkdir(parents=True)
    (tmp_path / f"agents/sales/{name}").write_text("Known.\n")
    found = said(tmp_path, f'{ASKER.replace("calls: [sales/writer]", "")}knowledge: ["{name}"]\n')
    assert [one.split(" ")[1] for one in found] == ["wrong-name"]
    assert "cannot be a key of a ConfigMap" in found[0]
