"""What `manifest_yaml` writes is what kubectl, PyYAML and a YAML 1.2 parser read."""

import json
import math
import random
import shutil
import subprocess
import sys
from enum import StrEnum
from typing import Any

import pytest
import ryaml
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.manifest_yaml import dump, dump_all

# fmt: off
NASTY = [
    *("y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "=", "<<"),
    *("true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~", "None", "", " ", "  ", "_1"),
    *(".nan", ".NaN", ".inf", "-.inf", "+.INF", "nan", "NaN", "inf", "-inf", "Infinity", "infinity", "1.", ".5"),
    *("0", "-0", "+1", "1", "012", "0o17", "0x1F", "0b101", "1_000", "1_000.5", "1e3", "1E-3", "1.5e+3", "0.1"),
    *("12:30:45", "190:20:30.15", "1:00", "2020-01-01", "2001-12-14t21:59:43.10-05:00", "2020-01-01 10:00:00 Z"),
    *("-", "- x", "-x", "--- ", "---", "...", "?", "? x", ":", ": x", "a: b", "a:", "a :b", "a #b", "a#b", "#a"),
    *("&a", "*a", "!a", "!!str a", "|", ">", "|2", "%TAG", "@a", "`a`", "'a'", "it's", '"a"', "'", '"', "\\", "a\\"),
    *("[", "]", "[a]", "{", "}", "{a: b}", ",", "a, b", " a", "a ", "\ta", "a\t", "a\tb", "a  b", "a: 'b' \"c\""),
    *("\n", "\n\n", "\r", "\r\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\n\na", " \na", " a\nb", "\ta\nb", "a\n ", "a\nb"),
    *("a\n\n b\n", "a\n\tb", "# a\nb\n", "---\na\n---\n", "a\n...\nb", "a\r\nb", "a\n\t", "\n \n a\n \n\n", "a\n  \n"),
    *("- a\n- b: c\n", "a \nb\n", "\x00", "\x07", "\x1b[0m", "\x7f", "\x80", "\x85", "a\x85b", "a\x85\nb", "\xad"),
    *("\xa0", "x:y", "\u2028", "a\u2029\nb", "\ufeff", "\ufeffa\nb", "\ufffe", "\uffff", "\ufffd", "\u202eabc", "é"),
    *("\\u0041", "\u2066a\nb", "日本語", "😀", "a\n😀\n", "\U0010ffff", "\U0001fffe", "http://a.b/c?d=e&f#g", "\\n"),
    *("250m", "256Mi", "25%", "10s", "1d", "1f", "1e", "1.2.3", "10.0.0.0/8", "0m", "1e3m", "1m", "0s", "x" * 5000),
]
# fmt: on
JSON_NUMBERS = [0, -1, 2**63 - 1, -(2**63), 0.1, -0.0, 1.0, 1e16, 1.5e300, 1e-7, -2.5e-10, 5e-324]

texts = st.one_of(
    st.text(),
    st.sampled_from(NASTY),
    st.lists(st.text(alphabet="ab \t\n\r\"'#:-|>\\\u0085\u2028é", max_size=6), max_size=6).map("\n".join),
    st.from_regex(r"[-+]?[0-9._:eExXob+-]{1,12}[a-zA-Z%]{0,3}", fullmatch=True),
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(min_value=-(2**63), max_value=2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(texts.filter(lambda k: len(k) < 300), inner, max_size=4)
    ),
    max_leaves=20,
)


def same(left: object, right: object) -> bool:
    """Equal and of equal types all the way down, so that 1, 1.0 and True differ."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def read_yaml_1_2(text: str) -> object:
    return ryaml.loads(text)  # type: ignore[attr-defined]


def kubectl(stream: str) -> list[dict[str, Any]]:
    """The documents as kubectl's own parser reads them, without a server."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not on PATH: its parser cannot be asked")
    command = [program, "label", "--local", "-f", "-", "-o", "json", "read=back"]
    done = subprocess.run(command, input=stream.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    decoder, text, found = json.JSONDecoder(), done.stdout.decode(), []
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


@given(st.dictionaries(texts.filter(lambda k: len(k) < 300), values, max_size=5))
@settings(max_examples=300, deadline=None)
@example({"a": {"b": [[], {}, [["x\ny", {"c": "\n d\n\n"}]], "\n\n x"], "\n": "\n"}})
def test_python_parsers_of_both_versions_read_what_was_meant(manifest: dict[str, Any]) -> None:
    text = dump(manifest)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert same(yaml.safe_load(text), manifest)
    assert same(yaml.load(text, Loader=yaml.CSafeLoader), manifest)
    assert same(read_yaml_1_2(text), manifest)


def test_kubectl_reads_thousands_of_nasty_strings_as_they_were() -> None:
    chance = random.Random(4)  # noqa: S311 - the same strings in each run
    parts = [*NASTY, "\n", "\n", " ", "  ", ":", "#", "-", "'", '"', "\\", "\t", "0", "1", "e", "_", "."]
    strings = NASTY + ["".join(chance.choices(parts, k=chance.randint(2, 5))) for _ in range(6000)]
    as_values = {f"k{index}": text for index, text in enumerate(strings)}
    as_keys = {text: str(index) for index, text in enumerate(strings) if len(text) < 900}
    nested = [[text, [text], {"key": text, text[:900]: [{"more": [text]}]}] for text in strings[:2000]]
    head = {"apiVersion": "example.com/v1", "kind": "Anything", "metadata": {"name": "nasty"}}
    manifests = [{**head, "data": data} for data in (as_values, as_keys, nested, JSON_NUMBERS, [True, False, None])]
    for read, meant in zip(kubectl(dump_all(manifests)), manifests, strict=True):
        assert read["data"] == meant["data"]


def test_kubectl_reads_each_text_that_ends_a_document_as_it_was() -> None:
    head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"read": "back"}}}
    manifests = [{**head, "data": {"last": text}} for text in NASTY]
    assert kubectl(dump_all(manifests)) == manifests


@pytest.mark.parametrize("text", NASTY)
def test_each_nasty_string_is_read_back_as_value_key_and_item(text: str) -> None:
    manifest = {"value": text, "items": [text, [text]], "keys": {text[:900]: text}}
    written = dump(manifest)
    assert same(yaml.safe_load(written), manifest)
    assert same(read_yaml_1_2(written), manifest)


def test_a_stream_is_read_as_its_documents() -> None:
    manifests = [{"a": text, "z": [text]} for text in NASTY] + [{}]
    stream = dump_all(iter(manifests))
    assert list(yaml.safe_load_all(stream)) == manifests
    assert stream == "---\n".join(dump(manifest) for manifest in manifests)
    assert dump_all([]) == ""


def test_a_manifest_looks_as_a_person_would_write_it() -> None:
    prompt = 'You are a helpful agent.\n\n  - Ask: never guess # ever\n\nSign with "Ada".\n'
    manifest = {
        "apiVersion": "v1",
        "metadata": {"labels": {}, "annotations": {"example.com/ratio": "0.5", "note": "Asks first, then acts"}},
        "spec": {
            "args": ["--port=80", "run", []],
            "ports": [{"name": "http", "port": 8000}, {"name": "metrics"}],
            "cpu": "250m",
            "image": "ghcr.io/a/b:1.0@sha256:0f",
            "on": True,
            "temperature": 0.7,
            "expr": 'sum(rate(agent_errors_total{agent_id="a"}[5m])) > 0.05',
        },
        "data": {"prompt.txt": prompt, "indented": "  a\nb", "country": "NO"},
    }
    assert (
        dump(manifest)
        == """\
apiVersion: v1
metadata:
  labels: {}
  annotations:
    example.com/ratio: "0.5"
    note: Asks first, then acts
spec:
  args:
  - "--port=80"
  - run
  - []
  ports:
  - name: http
    port: 8000
  - name: metrics
  cpu: 250m
  image: ghcr.io/a/b:1.0@sha256:0f
  "on": true
  temperature: 0.7
  expr: 'sum(rate(agent_errors_total{agent_id="a"}[5m])) > 0.05'
data:
  prompt.txt: |
    You are a helpful agent.

      - Ask: never guess # ever

    Sign with "Ada".
  indented: |2-
      a
    b
  country: "NO"
"""
    )


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u2028", "\x85", "\ufeff", "\r", "\x1b"])
def test_characters_that_hide_text_from_a_reviewer_are_escaped(hidden: str) -> None:
    assert hidden not in dump({"one": f"a{hidden}b", "several": f"a{hidden}\nb\n", f"k{hidden}": 1})


def test_the_same_manifest_gives_the_same_bytes_whatever_was_written_before() -> None:
    manifest = {"b": ["x", "no", 1.5], "a": {"on": "a\nb\n", "z": None}}
    first = dump(manifest)
    for index in range(10_000):
        dump({f"key-{index}": f"value-{index}"})
    assert dump(manifest) == first
    program = f"from components.manifest_yaml import dump; print(dump({manifest!r}), end='')"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout == first


class Word(StrEnum):
    A = "a"


class Whole(int):
    pass


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (math.nan, ValueError, "spec.ports[1].port is nan: not a finite number"),
        (-math.inf, ValueError, "spec.ports[1].port is -inf: not a finite number"),
        (2**63, ValueError, "spec.ports[1].port is 9223372036854775808: outside 64 bits"),
        ((1, 2), TypeError, "spec.ports[1].port is tuple"),
        ({1, 2}, TypeError, "spec.ports[1].port is set"),
        (b"x", TypeError, "spec.ports[1].port is bytes"),
        (Word.A, TypeError, "spec.ports[1].port is Word"),
        (Whole(1), TypeError, "spec.ports[1].port is Whole"),
        ({Word.A: 1}, TypeError, "spec.ports[1].port has the key <Word.A: 'a'>: a key is str, not Word"),
        ({1: 1}, TypeError, "spec.ports[1].port has the key 1: a key is str, not int"),
        ({True: 1}, TypeError, "spec.ports[1].port has the key True"),
        ({None: 1}, TypeError, "spec.ports[1].port has the key None"),
        ("a\ud800", ValueError, "spec.ports[1].port has a lone surrogate"),
        ("a\n\udfff\n", ValueError, "spec.ports[1].port has a lone surrogate"),
        ({"a\udc80": 1}, ValueError, "a key of spec.ports[1].port has a lone surrogate"),
        ({"k" * 1001: 1}, ValueError, "a key of spec.ports[1].port has 1001 characters"),
    ],
)
def test_what_yaml_cannot_carry_is_refused_with_its_path(value: object, error: type[Exception], says: str) -> None:
    dump({"a": "a"})  # so that a subclass of str cannot pass as the str that is already known
    with pytest.raises(error) as caught:
        dump({"spec": {"ports": [{"port": 1}, {"port": value}]}})
    assert says in str(caught.value)


def test_a_structure_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {"a": []}
    loop["a"].append(loop)
    with pytest.raises(ValueError, match=r"a\[0\] contains itself"):
        dump(loop)


def test_a_structure_deeper_than_python_can_walk_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        dump({"a": deep})


@pytest.mark.parametrize("manifest", [None, "a", ["a"], (("a", 1),)])
def test_a_manifest_is_a_dict(manifest: Any) -> None:
    with pytest.raises(TypeError, match="a manifest is a dict"):
        dump(manifest)


def test_memory_stays_flat_over_many_agents() -> None:
    from components import manifest_yaml

    for index in range(30_000):
        dump({"metadata": {"name": f"agent-{index}", f"key-{index}": "x" * 200 + str(index)}})
    kept = [manifest_yaml._texts, *manifest_yaml._heads.values()]
    assert sum(map(len, kept)) < 20_000
    assert max(len(text) for texts in kept for text in texts) < 200
