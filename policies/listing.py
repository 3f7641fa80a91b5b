"""The list of rules for `docs/policies.md`, from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from policies.beside import BESIDE
from policies.pods import WORKLOADS
from policies.rule import Rule
from policies.rules import RULES

BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


def rules_as_markdown(rules: Iterable[Rule] = RULES) -> str:
    """The tables between the markers of `docs/policies.md`."""
    lines = ["| rule | of | what holds | why | way out | source |", "| --- | --- | --- | --- | --- | --- |"]
    for rule in rules:
        name = f"`{rule.id}`" + (" (warning)" if rule.severity == "warning" else "")
        lines.append(f"| {name} | {_kinds(rule)} | {_what(rule)} | {rule.why} | {rule.fix} | {rule.source} |")
    lines += ["", "### Found before anything is rendered", ""]
    lines += ["| finding | why | way out | found by |", "| --- | --- | --- | --- |"]
    lines += [f"| `{one.id}` | {one.why} | {one.fix} | `{one.found_by}` |" for one in BESIDE]
    return "\n".join(lines) + "\n"


def with_rules(text: str) -> str:
    """The document with what stands between the markers written anew. Raises ValueError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{rules_as_markdown()}{END}{after}"


def _what(rule: Rule) -> str:
    """What the rule's file says of it at its top."""
    module = import_module(f"policies.rules.{rule.id.replace('-', '_')}")
    return (module.__doc__ or "").splitlines()[0]


def _kinds(rule: Rule) -> str:
    if rule.together is not None:
        return "all objects together"
    if rule.kinds == WORKLOADS:
        return "pods"
    return ", ".join(sorted(rule.kinds))
