"""Edits of definitions: what a user sees in the diff, and what no edit may do to any file."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import ryaml
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ci.edit_yaml import MISSING, EditError, Value, delete_value, get_value, parse_assignment, set_value

DEFINITION = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1   # the format

# who answers for it
owner: "team-a"
scaling:
  min: 2  # least
  max: 10
  # raise it in December
# the model
model: {name: claude-x, max_tokens: 4096}
prompt: |  # keep it short
  You are
  kind.

overrides:   # none yet
hosts:
  - a.example.com
  - b.example.com
limits: {
  cpu: 1, # cores
  memory: 2Gi
}
"""


def changed(old: str, new: str) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came, between what both texts have at their start and end."""
    before, after = old.splitlines(), new.splitlines()
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return before, after


SET: dict[str, tuple[str, Value, list[str], list[str]]] = {
    "a scalar keeps the comment on its line": ("scaling.min", 3, ["  min: 2  # least"], ["  min: 3  # least"]),
    "a quoted scalar": ("owner", "team-b", ['owner: "team-a"'], ["owner: team-b"]),
    "a new key ends its mapping, before a comment of its column": ("scaling.cpu", 70, [], ["  cpu: 70"]),
    "a flow mapping stays one": (
        "model.temperature",
        0.7,
        ["model: {name: claude-x, max_tokens: 4096}"],
        ["model: {name: claude-x, max_tokens: 4096, temperature: 0.7}"],
    ),
    "a flow mapping of several lines gets one more": (
        "limits.disk",
        "1Gi",
        ["  memory: 2Gi"],
        ["  memory: 2Gi,", "  disk: 1Gi"],
    ),
    "an empty value gets children": (
        "overrides.prod.scaling",
        {"min": 4},
        [],
        ["  prod:", "    scaling:", "      min: 4"],
    ),
    "missing parents are made at the end": ("labels.a/b", "x", [], ["labels:", "  a/b: x"]),
    "a text of several lines is a literal block": (
        "prompt",
        "Be kind.\n\n  Be brief.\n",
        ["  You are", "  kind."],
        ["  Be kind.", "", "    Be brief."],
    ),
    "a literal block gives way to a word": (
        "prompt",
        "yes",
        ["prompt: |  # keep it short", "  You are", "  kind."],
        ['prompt: "yes"  # keep it short'],
    ),
    "a block gives way to a word, the next key keeps its comment": (
        "scaling",
        3,
        ["scaling:", "  min: 2  # least", "  max: 10", "  # raise it in December"],
        ["scaling: 3"],
    ),
    "a word gives way to a block": (
        "version",
        [1, {"a": [2], "b": "x"}],
        ["version: 1   # the format"],
        ["version:   # the format", "  - 1", "  - a:", "      - 2", "    b: x"],
    ),
    "a list is replaced": ("hosts", ["c"], ["  - a.example.com", "  - b.example.com"], ["  - c"]),
}


@pytest.mark.parametrize("name", SET)
def test_set_changes_only_the_lines_of_the_value(name: str) -> None:
    path, value, gone, came = SET[name]
    assert changed(DEFINITION, set_value(DEFINITION, tuple(path.split(".")), value)) == (gone, came)


DELETED = {
    "a key with its comments; the modeline stays": ("version", ["version: 1   # the format"], []),
    "the comment above goes, after a blank line": ("owner", ["# who answers for it", 'owner: "team-a"'], []),
    "a block with the deeper comments below it": (
        "scaling",
        ["scaling:", "  min: 2  # least", "  max: 10", "  # raise it in December"],
        [],
    ),
    "a flow pair": (
        "model.name",
        ["model: {name: claude-x, max_tokens: 4096}"],
        ["model: {max_tokens: 4096}"],
    ),
    "the last of a flow mapping of several lines": (
        "limits.memory",
        ["  cpu: 1, # cores", "  memory: 2Gi"],
        ["  cpu: 1 # cores"],
    ),
}


@pytest.mark.parametrize("name", DELETED)
def test_delete_takes_the_key_and_its_own_comments(name: str) -> None:
    path, gone, came = DELETED[name]
    assert changed(DEFINITION, delete_value(DEFINITION, tuple(path.split(".")))) == (gone, came)


def test_delete_removes_parents_that_become_empty() -> None:
    text = "a: 1\nb:\n  c:\n    d: 1\n# e\ne: 1\n"
    assert delete_value(text, ("b", "c", "d")) == "a: 1\n# e\ne: 1\n"
    assert delete_value("a: {b: {c: 1}, d: 1}\n", ("a", "b", "c")) == "a: {d: 1}\n"


@pytest.mark.parametrize("end", ["", "\n", "\n\n# end\n"])
@pytest.mark.parametrize("nl", ["\n", "\r\n"])
def test_line_ends_and_the_end_of_the_file_stay(nl: str, end: str) -> None:
    text = ("a:\n  b: 1" + end).replace("\n", nl)
    assert set_value(text, ("a", "c"), 2) == ("a:\n  b: 1\n  c: 2" + end).replace("\n", nl)
    assert delete_value(set_value(text, ("c",), [1]), ("c",)) == text


def test_a_key_added_below_a_deeper_comment_does_not_take_it_over() -> None:
    text = "overrides:\n  prod:\n    min: 3\n    # 5 in December\n  # end of overrides\nlast: 1\n"
    added = set_value(text, ("overrides", "dev", "min"), 1)
    assert changed(text, added) == ([], ["  dev:", "    min: 1"])
    assert added.index("December") < added.index("dev:") < added.index("end of")


def test_a_comment_that_could_become_text_keeps_a_prompt_quoted() -> None:
    text = "a: 1\n\n    # deep\nb: 2\n"
    assert set_value(text, ("a",), "x\ny") == 'a: "x\\ny"\n\n    # deep\nb: 2\n'


def test_a_key_after_a_block_text_without_line_end_leaves_the_text_alone() -> None:
    edited = set_value("prompt: |\n  Hi", ("suspended",), True)
    assert edited == "prompt: |-\n  Hi\nsuspended: true"
    assert yaml.safe_load(edited) == {"prompt": "Hi", "suspended": True}


def test_new_keys_follow_the_indentation_and_list_style_of_the_file() -> None:
    text = "a:\n    b:\n    - 1\n"
    assert set_value(text, ("a", "c"), {"d": ["x"]}) == text + "    c:\n        d:\n        - x\n"


def test_setting_what_is_there_changes_nothing_but_clears_a_word_that_parsers_read_differently() -> None:
    assert set_value("a: 'x'\nb: [1,2]\n", ("a",), "x") == "a: 'x'\nb: [1,2]\n"
    assert set_value("a: 'x'\nb: [1,2]\n", ("b",), [1, 2]) == "a: 'x'\nb: [1,2]\n"
    assert set_value("a: no\n", ("a",), "no") == 'a: "no"\n'
    assert set_value("a: 1\n", ("a",), True) == "a: true\n"


@pytest.mark.parametrize(
    ("text", "path", "value", "edited"),
    [
        ("a: {}\n", ("a", "b"), 1, "a: {b: 1}\n"),
        ("a: {b: 1, }\n", ("a", "c"), 2, "a: {b: 1, c: 2, }\n"),
        ("a: {\n  b: 1,\n}\n", ("a", "c"), 2, "a: {\n  b: 1,\n  c: 2,\n}\n"),
        ("a: {b, c: }\n", ("a", "b"), 1, "a: {b: 1, c: }\n"),
        ("a: {b, c: }\n", ("a", "c"), "x,y", 'a: {b, c: "x,y" }\n'),
        ("a:\n  3 # c\n", ("a",), 4, "a:\n  4 # c\n"),
        ("a: # c\n  3 # d\n", ("a",), [4], "a: # c\n  # d\n  - 4\n"),
        ("a: |+\n  x\n\n\nb: 1\n", ("c",), 2, "a: |+\n  x\n\n\nb: 1\nc: 2\n"),
        ("a: |+\n  x\n\n", ("c",), 2, "a: |+\n  x\n\nc: 2\n"),
        ("---\na: 1\n...\n", ("b",), 2, "---\na: 1\nb: 2\n...\n"),
        ("a:\n  -\n  - # c\n# d\nb: 1\n", ("a",), 2, "a: 2\n# d\nb: 1\n"),
        ('"a.b": 1\n', ("a.b",), 2, '"a.b": 2\n'),
        ("? a\nb: 2\n", ("c",), 3, "? a\nb: 2\nc: 3\n"),
        ("8080: 1\n", ("8080",), 2, "8080: 2\n"),
        ("\ufeffa: 1\n", ("b",), "é😀", "\ufeffa: 1\nb: é😀\n"),
    ],
)
def test_unusual_layouts(text: str, path: tuple[str, ...], value: Value, edited: str) -> None:
    assert set_value(text, path, value) == edited


def test_get_value_reads_or_says_missing() -> None:
    assert get_value(DEFINITION, ("model", "max_tokens")) == 4096
    assert get_value(DEFINITION, ("hosts",)) == ["a.example.com", "b.example.com"]
    assert get_value(DEFINITION, ("overrides",)) is None
    assert get_value(DEFINITION, ("overrides", "prod")) is MISSING
    assert get_value(DEFINITION, ("nothing", "here")) is MISSING
    assert get_value("a: 012\n", ("a",)) == "012"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("a: 1\n", ("a", "b"), "single value"),
        ("a: [1]\n", ("a", "0"), "a list"),
        ("", ("a",), "empty"),
        ("# only a comment\n", ("a",), "empty"),
        ("- a\n", ("a",), "no mapping"),
        ("a: 1\n---\na: 2\n", ("a",), "several documents"),
        ("a: [\n", ("a",), "line 2, column 1"),
        ("a:\n\tb: 1\n", ("a",), "line 2, column 1"),
        ("a: 1\na: 2\n", ("a",), "twice"),
        ("a: &x 1\nb: *x\n", ("a",), "anchor"),
        ("a: &x 1\nb: *x\n", ("b",), "alias"),
        ("a: &x {b: 1}\nc: *x\n", ("a", "b"), "anchor"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", ("c", "b"), "merges an alias"),
        ("? a\n: 1\n", ("a",), "?"),
        ("[" * 5000, ("a",), "nested too deeply"),
        ("a: \x01", ("a",), "not valid YAML"),
        ("a: 1\n", (), "names no field"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_with_the_reason(text: str, path: tuple[str, ...], says: str) -> None:
    with pytest.raises(EditError, match=says.replace("?", r"\?")) as refused:
        set_value(text, path, [9])
    assert "expected" in str(refused.value) or "edit" in str(refused.value) or "set" in str(refused.value)


def test_anchors_elsewhere_are_no_hindrance() -> None:
    assert set_value("a: &x [1]\nb: *x\nc: 1\n", ("c",), 2) == "a: &x [1]\nb: *x\nc: 2\n"


def test_delete_of_what_is_not_there_names_the_nearest_key() -> None:
    with pytest.raises(EditError, match="did you mean 'scaling'"):
        delete_value(DEFINITION, ("scalling",))
    with pytest.raises(EditError, match="delete the file"):
        delete_value("a:\n  b: 1\n", ("a", "b"))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", {1: 2}, {"k" * 2000: 1}, (1,), {"a": object()}]
)
def test_values_that_yaml_cannot_hold_are_refused(value: Any) -> None:
    with pytest.raises(EditError):
        set_value("a: 1\n", ("b",), value)


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("model.name=claude-x", ("model", "name"), "claude-x"),
        ("scaling.min=3", ("scaling", "min"), 3),
        ("suspended=true", ("suspended",), True),
        ("t=0.7", ("t",), 0.7),
        ("t=null", ("t",), None),
        ("hosts=[a, b, 012]", ("hosts",), ["a", "b", "012"]),
        ("scaling={min: 1, max: 'no'}", ("scaling",), {"min": 1, "max": "no"}),
        ('labels."example.com/team"=x', ("labels", "example.com/team"), "x"),
        ("labels.'a.b'.c=x=y", ("labels", "a.b", "c"), "x=y"),
        ("a.b=", ("a", "b"), ""),
        ('a="3"', ("a",), "3"),
        ("a=Note: be kind # really", ("a",), "Note: be kind # really"),
        ("a=- x\n- y\n", ("a",), "- x\n- y\n"),
        *((f"a={word}", ("a",), word) for word in ("yes", "No", "on", "off", "012", "1_000", "12:30", "2024-01-31")),
        *((f"a={word}", ("a",), word) for word in ("0o17", "1e3", ".5e3", "-.5", "1.0.0", "*x", "!t", "| x", "@me")),
    ],
)
def test_an_assignment_is_read_as_its_author_means_it(argument: str, path: tuple[str, ...], value: Value) -> None:
    read = parse_assignment(argument)
    assert read == (path, value)
    assert type(read[1]) is type(value)


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("model.name", "gives no value"),
        ("=x", "empty field name"),
        ("a..b=x", "empty field name"),
        ("a.=x", "empty field name"),
        ('labels."a.b=x', "open quote"),
        ("a b=x", "without blanks"),
        ("a=[x", "begins like a list"),
        ("a=[draft] Be kind", "begins like a list"),
        ("a={a: 1, a: 2}", "twice"),
        ("a={{ x }}", "begins like"),
        ("a=[&x 1, *x]", "anchors"),
    ],
)
def test_a_wrong_assignment_teaches_the_right_one(argument: str, says: str) -> None:
    with pytest.raises(EditError, match=says) as refused:
        parse_assignment(argument)
    assert repr(argument) in str(refused.value)
    assert "example" in str(refused.value)


@pytest.mark.parametrize("number", [1e16, 1e-7, -0.0, 5e-324, 1.5e300, 0.1, 10**18, -1])
def test_numbers_are_written_so_that_every_parser_reads_the_same_number(number: float) -> None:
    assert_all_parsers_read(set_value("a: 1\n", ("a",), number), {"a": number})


@pytest.mark.parametrize("hidden", ["\u202e", "\x85", "\u2028", "\x00", "\ufeff", "\r"])
def test_what_a_reviewer_cannot_see_is_written_as_an_escape(hidden: str) -> None:
    edited = set_value("a: 1\n", ("a",), f"x{hidden}y\nz")
    assert hidden not in edited
    assert_all_parsers_read(edited, {"a": f"x{hidden}y\nz"})
    assert hidden not in set_value("a: 1\n", ("a",), f"x{hidden}y")


def test_a_long_ruler_in_a_comment_costs_no_time() -> None:
    ruler = "# " * 40
    text = f"a: {{\n  b: 1 {ruler}\n}}\nc:\n  - {ruler}\n  -\n"
    assert set_value(text, ("a", "d"), 2) == text.replace("b: 1 ", "b: 1, ").replace("\n}", "\n  d: 2\n}")
    assert set_value(text, ("e",), 2) == text + "e: 2\n"


# Property tests: any mapping, written in any of several styles.

TRICKY = re.findall(
    r"\S+",
    "yes no on off y n null ~ true 012 0o17 0x1F 1_000 12:30 1:2:3.4 2024-01-31 1e3 1.0 1.0.0 .5 .inf = << - ? : # a:b "
    "a,b [x] {x} 'q \"q *a &a !t |x >x %x @x `x a#b --- ... . -1 +1 0 _ 5m 256Mi https://x.y/z?a=b#c a@b.c NaN inf",
)
words = st.from_regex(r"[a-z][a-z0-9_-]{2,6}x", fullmatch=True)  # the last letter keeps them off `null`, `false` …
texts = st.one_of(
    words,
    st.sampled_from([*TRICKY, "", " ", "a: b", "a #b", " a", "a ", "x\ny", "x\n\n  y\n", "x\n ", "\n", "# a\nb\n"]),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.lists(st.text("ab :#-\t'\"", max_size=6), min_size=2, max_size=4).map("\n".join),
)
scalars = st.one_of(
    texts,
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9).map(
        lambda number: round(number, 3)
    ),
)
keys = st.one_of(words, st.sampled_from(["a.b", "yes", "8080", "example.com/x", "é", "a b", "x: y", "", "=", "<<"]))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(keys, values, min_size=1, max_size=4)


@dataclass
class Written:
    """A mapping as text, with the lines [first, after last) that belong to each path."""

    data: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    spans: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    text: str = ""


@st.composite
def written(draw: st.DrawFn) -> Written:
    """A mapping in a drawn style: block, flow or mixed, with comments, blank lines, CRLF, or no last line end."""
    out = Written(draw(mappings))
    if draw(st.booleans()):
        out.lines += ["# yaml-language-server: $schema=x", ""]
    _block(draw, out, out.data, (), 0, draw(st.sampled_from([2, 4])))
    end = draw(st.sampled_from(["\n", "\n", "\n\n", "\n# the end\n", ""]))
    literal_at_end = out.lines[-1].startswith(" ") and "\n" in json.dumps(out.data).replace("\\n", "\n")
    out.text = "\n".join(out.lines) + (end or ("\n" if literal_at_end else ""))
    if draw(st.booleans()):
        out.text = out.text.replace("\n", "\r\n")
    return out


def _scalar(draw: st.DrawFn, value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None and draw(st.booleans()) else json.dumps(value) if value is not None else "null"
    if value.isascii() and value.isalpha() and value.endswith("x"):
        return draw(st.sampled_from([value, f"'{value}'", f'"{value}"']))
    return _quoted(value)


def _quoted(value: str) -> str:
    escape = str.maketrans(
        {c: f"\\u{c:04x}" for c in (0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}
    )
    return json.dumps(value, ensure_ascii=False).translate(escape)


def _flow(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_flow(draw, item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_flow(draw, item) for item in value) + "]"
    return "null" if value is None else _quoted(value) if isinstance(value, str) else json.dumps(value)


def _block(draw: st.DrawFn, out: Written, data: dict[str, Any], path: tuple[str, ...], column: int, step: int) -> None:
    pad = " " * column
    chance = st.integers(0, 5)
    for key, value in data.items():
        if draw(chance) == 0:
            out.lines.append("")
        if draw(chance) == 0:
            out.lines.append(f"{pad}# about the next")
        first, here = len(out.lines), (*path, key)
        head = f"{pad}{key if key.isalpha() and key.endswith('x') else _quoted(key)}:"
        comment = draw(st.sampled_from(["", "", "", "  # why", " #"]))
        if isinstance(value, dict) and value and draw(chance):
            out.lines.append(head + comment)
            _block(draw, out, value, here, column + step, step)
        elif isinstance(value, list) and value and draw(chance):
            out.lines.append(head + comment)
            out.lines += [f"{pad}{' ' * step}- {_flow(draw, item)}" for item in value]
        elif isinstance(value, list | dict):
            out.lines.append(f"{head} {_flow(draw, value)}{comment}")
        elif isinstance(value, str) and value in ("x\ny", "x\n\n  y\n"):
            out.lines.append(f"{head} {'|' if value.endswith(chr(10)) else '|-'}{comment}")
            out.lines += [f"{pad}   {line}" if line else "" for line in value.removesuffix("\n").split("\n")]
        else:
            scalar = _scalar(draw, value)
            out.lines.append(f"{head}{' ' if scalar else ''}{scalar}{comment}")
            if draw(chance) == 0:
                out.lines.append(f"{pad}     # deeper")
        out.spans[here] = (first, len(out.lines))


def paths_of(data: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All paths through mappings."""
    found = []
    for key, value in data.items():
        found.append((*prefix, key))
        found += paths_of(value, (*prefix, key)) if isinstance(value, dict) else []
    return found


def at(data: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def with_change(data: dict[str, Any] | None, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    new = dict(data or {})
    new[path[0]] = value if len(path) == 1 else with_change(new.get(path[0]), path[1:], value)
    return new


def exactly(value: Any) -> str:
    """A value with its types and order, so that 1, 1.0 and true differ."""
    return repr(value)


def assert_all_parsers_read(text: str, data: Any) -> None:
    assert exactly(YAML(typ="safe", pure=True).load(text)) == exactly(data)
    assert exactly(yaml.safe_load(text)) == exactly(data)
    assert exactly(ryaml.loads(text)) == exactly(data)


quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(doc=written(), data=st.data())
def test_replacing_any_value_says_just_that_and_leaves_all_other_lines(doc: Written, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths_of(doc.data)))
    value = data.draw(values)
    assert_all_parsers_read(doc.text, doc.data)
    edited = set_value(doc.text, path, value)
    assert_all_parsers_read(edited, with_change(doc.data, path, value))
    assert get_value(edited, path) == value

    span = next(doc.spans[path[:size]] for size in range(len(path), 0, -1) if path[:size] in doc.spans)
    nl = "\r\n" if "\r\n" in doc.text else "\n"
    before, after = doc.text.split(nl), edited.split(nl)
    untouched = len(before) - span[1]
    assert after[: span[0]] == before[: span[0]]
    assert not untouched or after[-untouched:] == before[-untouched:]
    if nl == "\r\n":
        assert "\n" not in edited.replace("\r\n", "")

    assert_all_parsers_read(set_value(edited, path, at(doc.data, path)), doc.data)


@quick
@given(doc=written(), data=st.data())
def test_a_new_key_can_be_added_and_taken_away_without_a_trace(doc: Written, data: st.DataObject) -> None:
    parents = [path for path in paths_of(doc.data) if isinstance(at(doc.data, path), dict) and at(doc.data, path)]
    parent = data.draw(st.sampled_from([(), *parents]))
    below = tuple(data.draw(st.lists(keys, min_size=1, max_size=3)))
    assume(below[0] not in at(doc.data, parent))
    value = data.draw(values)
    edited = set_value(doc.text, parent + below, value)
    assert_all_parsers_read(edited, with_change(doc.data, parent + below, value))
    assert delete_value(edited, parent + below) == doc.text


@quick
@given(doc=written(), data=st.data())
def test_an_empty_value_can_get_children(doc: Written, data: st.DataObject) -> None:
    empty = [path for path in paths_of(doc.data) if at(doc.data, path) in (None, {})]
    assume(empty)
    path = (*data.draw(st.sampled_from(empty)), *data.draw(st.lists(keys, min_size=1, max_size=2)))
    value = data.draw(values)
    assert_all_parsers_read(set_value(doc.text, path, value), with_change(doc.data, path, value))


@quick
@given(doc=written(), data=st.data())
def test_deleting_any_key_leaves_the_data_of_all_others(doc: Written, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths_of(doc.data)))
    expected = doc.data
    for size in range(len(path), 0, -1):
        rest = {key: item for key, item in at(doc.data, path[: size - 1]).items() if key != path[size - 1]}
        if rest:
            expected = with_change(doc.data, path[: size - 1], rest) if size > 1 else rest
            break
    else:
        with pytest.raises(EditError):
            delete_value(doc.text, path)
        return
    edited = delete_value(doc.text, path)
    assert_all_parsers_read(edited, expected)
    assert len(edited) < len(doc.text)


@quick
@given(argument=st.text(st.characters(codec="utf-8"), max_size=30) | texts.map(lambda text: f"a={text}"))
def test_any_argument_is_read_or_refused_and_what_is_read_can_be_written(argument: str) -> None:
    try:
        path, value = parse_assignment(argument)
    except EditError:
        return
    assert get_value(set_value("version: 1\n", path, value), path) == value


ODD_TEXT = st.text("a:[]{}*&!|>'\"-?# \t\r\n,x1", max_size=40) | st.text(st.characters(codec="utf-8"), max_size=20)


@quick
@given(
    text=st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "a: ", "b: 1\na: ", "b: 1\na:\n  "]),
        ODD_TEXT,
        st.sampled_from(["", "\nc: 2\n"]),
    )
)
def test_no_text_gives_anything_but_an_edit_or_an_edit_error(text: str) -> None:
    news: tuple[Value, ...] = ("x\ny", {"b": "x\ny"})
    for new in news:
        with contextlib.suppress(EditError):
            assert get_value(set_value(text, ("a",), new), ("a",)) == new
    with contextlib.suppress(EditError):
        assert get_value(delete_value(text, ("a",)), ("a",)) is MISSING
