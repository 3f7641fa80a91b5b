"""Reads one definition, and the files that it names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.definition.agent import Definition
from components.definition.character import read_character
from components.definition.dockerfile import GIVEN, unpinned
from components.definition.empty_values import fill_allowed
from components.definition.explain_error import faults
from components.definition.findings import Finding, errors
from components.definition.partial import without
from components.definition.places import (
    agent_of,
    beside,
    name_problem,
)
from components.definition.reading import context_hash, model_problems, read_document, secrets_in
from components.definition.tree import AGENTS, FileProblem, Tree
from components.definition.yaml_reader import Document, KeyPath

MAX_TEXT_BYTES = 512 << 10


@dataclass(slots=True)
class LoadedAgent:
    """A definition with the files that it names. One that is not `whole` had faults; `raw` lacks what holds them."""

    name: str
    pool: str
    document: Document
    raw: dict[str, Any]
    texts: dict[str, str]
    characters: dict[str, dict[str, Any]]
    contexts: dict[str, str]
    whole: bool = True

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"

    @property
    def file(self) -> str:
        """The definition's path."""
        return self.document.file


def load_agent(tree: Tree, path: str, files: frozenset[str]) -> tuple[LoadedAgent | None, list[Finding]]:
    """Reads one definition and the files that it names. `files` are all files below `agents/`."""
    findings: list[Finding] = []
    document = read_document(tree, path, findings)
    pool, name = agent_of(path)
    problem = name_problem(name)
    if problem:
        findings.append(Finding(path, 1, 1, "wrong-name", f"{name!r} (from the file's name): {problem}"))
    if document.value is None:
        return None, findings
    fill_allowed(document.value)
    problems = model_problems(Definition, document)
    findings += problems
    whole = not errors(findings)
    raw = document.value if whole else without(document.value, faults(Definition, document.value))
    agent = LoadedAgent(name, pool, document, raw, {}, {}, {})
    for where, settings in _each_settings(agent.raw):
        _load_named_files(tree, agent, where, settings, files, findings)
    agent.whole = not errors(findings)
    return agent, findings


def _each_settings(raw: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    yield (), raw
    for environment, settings in (raw.get("overrides") or {}).items():
        yield ("overrides", environment), settings


def _load_named_files(
    tree: Tree,
    agent: LoadedAgent,
    where: KeyPath,
    settings: dict[str, Any],
    files: frozenset[str],
    findings: list[Finding],
) -> None:
    for path, name in named_files(settings):
        target = beside(agent.file, name)
        place: KeyPath = (*where, *path)
        if target is None:
            message = f"{name!r} leaves {AGENTS}/; name a file below it, relative to the definition"
            findings.append(agent.document.finding(place, "path-outside", message))
        elif path[0] == "build":
            _load_context(tree, agent, target, settings["build"].get("dockerfile") or "Dockerfile", place, findings)
        else:
            _load_text(tree, agent, target, place, files, findings)
    inline = (settings.get("character") or {}).get("inline")
    if inline is not None:
        from components.definition.character import character_findings

        findings += character_findings(inline, agent.document, (*where, "character", "inline"))


def _load_text(
    tree: Tree, agent: LoadedAgent, target: str, place: KeyPath, files: frozenset[str], findings: list[Finding]
) -> None:
    what, known = place[-2], len(findings)
    if target not in agent.texts:
        agent.texts[target] = _text(tree, agent.document, target, place, files, findings)
    text = agent.texts[target]
    if not text and len(findings) > known:
        return
    if what == "character" and target not in agent.characters:
        agent.characters[target] = read_character(text, target, findings)
    elif what == "prompt" and not text.strip():
        findings.append(Finding(target, 1, 1, "empty-file", "the prompt is empty"))


def named_files(settings: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """The files that settings name, each with the path of the field that names it."""
    for key in ("prompt", "character"):
        name = (settings.get(key) or {}).get("file")
        if name:
            yield (key, "file"), name
    for index, name in enumerate(settings.get("knowledge") or ()):
        yield ("knowledge", index), name
    for name, alert in (settings.get("alert_rules") or {}).items():
        runbook = alert.get("runbook") or ""
        if runbook and "://" not in runbook:
            yield ("alert_rules", name, "runbook"), runbook
    if settings.get("build"):
        yield ("build", "context"), settings["build"]["context"]


def _load_context(
    tree: Tree, agent: LoadedAgent, folder: str, dockerfile: str, place: KeyPath, findings: list[Finding]
) -> None:
    if folder.count("/") < 2:
        message = f"the build context {folder} is the whole pool; give the build a folder of its own below it"
        findings.append(agent.document.finding(place, "wrong-value", message))
        return
    try:
        digest = context_hash(tree, folder)
    except FileProblem as problem:
        findings.append(agent.document.finding(place, problem.rule, problem.message))
        return
    if digest is None:
        message = f"the build context {folder} is missing, empty or holds a symbolic link"
        findings.append(agent.document.finding(place, "missing-file", message))
        return
    path = posixpath.normpath(f"{folder}/{dockerfile}")
    if path not in tree.files(folder).files:
        message = f"the build context {folder} holds no file {dockerfile}"
        findings.append(agent.document.finding((*place[:-1], "dockerfile"), "missing-file", message))
        return
    for line, reference in unpinned(tree.read(path).decode("utf-8", "replace")):
        message = f"{reference} may stand for another image tomorrow: name it by digest, or use ${{{GIVEN}}}"
        findings.append(Finding(path, line, 1, "base-not-pinned", message))
    agent.contexts[folder] = digest


def _text(
    tree: Tree, document: Document, path: str, place: KeyPath, files: frozenset[str], findings: list[Finding]
) -> str:
    try:
        if path not in files:
            tree.read(path)
            raise FileProblem("missing-file", f"{path} is not among the files of {AGENTS}/")
        data = tree.read(path)
        if len(data) > MAX_TEXT_BYTES:
            message = f"{path} has {len(data):,} bytes; at most {MAX_TEXT_BYTES:,} fit a ConfigMap with the rest"
            raise FileProblem("too-large", message)
        text = data.decode("utf-8-sig")
    except FileProblem as problem:
        findings.append(document.finding(place, problem.rule, problem.message))
        return ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        findings.append(Finding(path, line, 1, "not-utf-8", f"byte 0x{error.object[error.start]:02x} is not UTF-8"))
        return ""
    findings += secrets_in(text, path)
    if "\0" in text:
        findings.append(Finding(path, text.count("\n", 0, text.index("\0")) + 1, 1, "not-text", "a NUL byte in a text"))
        return ""
    return text.replace("\r\n", "\n")
