"""Reads `agents/` into a catalog and definitions, and says everything that is wrong with each file by itself."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from components.definition import catalog as models
from components.definition.agent import Definition
from components.definition.character import read_character
from components.definition.empty_values import empty_values, fill_allowed
from components.definition.explain_error import faults, validate
from components.definition.fields import NAME_MAX, NAME_PATTERN, RESERVED_NAMES, Closed
from components.definition.findings import Finding, errors
from components.definition.partial import without
from components.definition.pasted_secrets import pasted_secrets
from components.definition.tree import AGENTS, FileProblem, Listing, Tree
from components.definition.yaml_reader import Document, KeyPath, read_yaml

CATALOG: Final = f"{AGENTS}/catalog"
CONTEXTS: Final = "components/images"
SETTINGS_FILE: Final = f"{CATALOG}/settings.yaml"
MAX_TEXT_BYTES = 512 << 10
_SIDE_FILES = ("README.md", "CODEOWNERS")


@dataclass(slots=True)
class Catalog:
    """The platform team's decisions. `entries[kind][name]` is a model of `components.definition.catalog`."""

    settings: models.PlatformSettings
    entries: dict[str, dict[str, Any]]
    documents: dict[str, Document]
    records: dict[str, models.ImageRecord] = field(default_factory=dict)
    waivers: dict[str, models.Waiver] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)

    @property
    def environments(self) -> dict[str, models.Environment]:
        """In order of promotion."""
        return self.entries["environments"]

    @property
    def pools(self) -> dict[str, models.Pool]:
        """By name."""
        return self.entries["pools"]

    def raw(self, kind: str, name: str) -> dict[str, Any]:
        """An entry as it was written."""
        value: dict[str, Any] = self.documents[kind].value[name]
        return value

    def pool_environments(self, pool: str) -> list[str]:
        """The environments that a pool runs in, in order of promotion."""
        chosen = self.pools[pool].environments
        return [name for name in self.environments if chosen is None or name in chosen]


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


def definition_paths(listing: Listing) -> list[str]:
    """The files that are definitions: `agents/<pool>/<agent>.yaml`."""
    return [path for path in listing.files if is_definition(path)]


def is_definition(path: str) -> bool:
    """Whether a path is where definitions are."""
    return path.count("/") == 2 and path.endswith(".yaml") and not path.startswith(f"{CATALOG}/")


def agent_of(path: str) -> tuple[str, str]:
    """Pool and name that a definition's path gives it."""
    _, pool, file = path.split("/")
    return pool, file.removesuffix(".yaml")


def load_catalog(tree: Tree, listing: Listing) -> tuple[Catalog | None, list[Finding]]:
    """Reads the catalog; None when it is so broken that no agent can be resolved against it."""
    findings: list[Finding] = []
    documents: dict[str, Document] = {}
    entries: dict[str, dict[str, Any]] = {}
    settings_document = _read(tree, SETTINGS_FILE, findings)
    findings += _problems(models.PlatformSettings, settings_document) if settings_document.value is not None else []
    for kind, model in models.MAPPINGS.items():
        path = f"{CATALOG}/{kind}.yaml"
        if path not in listing.files and kind not in models.REQUIRED_MAPPINGS:
            documents[kind], entries[kind] = Document(path, {}, []), {}
            continue
        documents[kind] = _read(tree, path, findings)
        entries[kind] = _entries(kind, model, documents[kind], findings)
    if any(finding.severity == "error" for finding in findings):
        return None, findings
    catalog = Catalog(models.PlatformSettings.model_validate(settings_document.value), entries, documents)
    catalog.documents["settings"] = settings_document
    _load_folders(tree, listing, catalog, findings)
    catalog.contexts = _runtime_contexts(tree, catalog, findings)
    return catalog, findings


def _read(tree: Tree, path: str, findings: list[Finding]) -> Document:
    try:
        data = tree.read(path)
    except FileProblem as problem:
        document = Document(path, None, [Finding(path, 1, 1, problem.rule, problem.message)])
    else:
        document = read_yaml(data, path)
        document.findings += _secrets_in(document.text, path)
    findings += document.findings
    return document


def _entries(kind: str, model: type[Closed], document: Document, findings: list[Finding]) -> dict[str, Any]:
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        findings.append(document.finding((), "wrong-type", f"{kind} are a mapping from name to entry"))
        return {}
    found: dict[str, Any] = {}
    for name, value in document.value.items():
        problems = _name_problems(kind, name, document)
        problems += _problems(model, document, name)
        findings += problems
        # A value that the reader refused is None, and said already.
        if not problems and value is not None:
            found[name] = model.model_validate(value)
    return found


def _problems(model: type[Closed], document: Document, *prefix: str) -> list[Finding]:
    """What is wrong with a document, or its entry at `prefix`: keys without a value first, then what the model says."""
    value = document.value
    for name in prefix:
        value = value[name]
    empty = empty_values(value, document, prefix)
    if value is None:
        return empty
    said = {(one.line, one.message.split(" ", 1)[0].rstrip(":")) for one in empty}
    return empty + [
        one
        for one in validate(model, value, document, prefix)
        if (one.line, one.message.split(" ", 1)[0].rstrip(":")) not in said
    ]


def _name_problems(kind: str, name: str, document: Document) -> list[Finding]:
    problem = name_problem(name) if kind == "pools" else "" if kind == "plugins" else name_problem(name, set())
    return [document.finding((name,), "wrong-name", f"{name!r}: {problem}", key=True)] if problem else []


def name_problem(name: str, reserved: Iterable[str] = RESERVED_NAMES) -> str:
    """What is wrong with the name of an agent, pool or catalog entry; empty when nothing is."""
    import re

    if len(name) > NAME_MAX:
        return f"a name has at most {NAME_MAX} characters, this one has {len(name)}"
    if not re.match(NAME_PATTERN, name) or name.endswith("\n"):
        return "a name is lower-case letters, digits and hyphens, a letter first, such as lead-scorer"
    if name in reserved or (reserved and name.startswith("kube-")):
        return f"the name is reserved; reserved are {', '.join(sorted(reserved))} and kube-*"
    return ""


def _load_folders(tree: Tree, listing: Listing, catalog: Catalog, findings: list[Finding]) -> None:
    for folder, model in models.FOLDERS.items():
        start = f"{CATALOG}/{folder}/"
        for path in listing.files:
            if not path.startswith(start) or not path.endswith(".yaml"):
                continue
            document = _read(tree, path, findings)
            problems = _problems(model, document) if document.value is not None else []
            findings += problems
            if problems or document.findings:
                continue
            entry = model.model_validate(document.value)
            catalog.documents[path] = document
            if isinstance(entry, models.ImageRecord):
                catalog.records[entry.context_hash] = entry
            elif isinstance(entry, models.Waiver):
                catalog.waivers[path] = entry


def _runtime_contexts(tree: Tree, catalog: Catalog, findings: list[Finding]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for name, runtime in catalog.entries["runtimes"].items():
        if runtime.build and runtime.build not in hashes:
            try:
                digest = context_hash(tree, f"{CONTEXTS}/{runtime.build}")
            except FileProblem as problem:
                findings.append(catalog.documents["runtimes"].finding((name, "build"), problem.rule, problem.message))
                continue
            if digest is None:
                message = f"{CONTEXTS}/{runtime.build} has no files to build from"
                findings.append(catalog.documents["runtimes"].finding((name, "build"), "missing-file", message))
            else:
                hashes[runtime.build] = digest
    return hashes


def context_hash(tree: Tree, folder: str) -> str | None:
    """SHA-256 over the names and contents of a build context's files; None when there are none or links among them."""
    listing = tree.files(folder)
    if not listing.files or listing.links:
        return None
    digest = hashlib.sha256()
    for path in listing.files:
        content = hashlib.sha256(tree.read(path)).hexdigest()
        digest.update(f"{path[len(folder) + 1 :]}\0{content}\n".encode())
    return digest.hexdigest()


def load_agent(tree: Tree, path: str, files: frozenset[str]) -> tuple[LoadedAgent | None, list[Finding]]:
    """Reads one definition and the files that it names. `files` are all files below `agents/`."""
    findings: list[Finding] = []
    document = _read(tree, path, findings)
    pool, name = agent_of(path)
    problem = name_problem(name)
    if problem:
        findings.append(Finding(path, 1, 1, "wrong-name", f"{name!r} (from the file's name): {problem}"))
    if document.value is None:
        return None, findings
    fill_allowed(document.value)
    problems = _problems(Definition, document)
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
    if settings.get("build"):
        yield ("build", "context"), settings["build"]["context"]


def beside(definition: str, name: str) -> str | None:
    """The path of a file named relative to a definition; None when it would lie outside `agents/` or in the catalog."""
    if name.startswith("/") or "\\" in name or "\0" in name:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(definition), name))
    inside = path.startswith(f"{AGENTS}/") and not path.startswith(f"{CATALOG}/")
    return path if inside else None


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
    findings += _secrets_in(text, path)
    if "\0" in text:
        findings.append(Finding(path, text.count("\n", 0, text.index("\0")) + 1, 1, "not-text", "a NUL byte in a text"))
        return ""
    return text.replace("\r\n", "\n")


def _secrets_in(text: str, path: str) -> list[Finding]:
    found = []
    for position, what in pasted_secrets(text):
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        message = f"{what} stands here; revoke it, put the new one into the secret store, and name its path#key"
        found.append(Finding(path, line, column, "pasted-secret", message))
    return found


def stray_files(
    listing: Listing, named: Iterable[str], contexts: Iterable[str], broken: Iterable[str] = ()
) -> list[Finding]:
    """Files below `agents/` that nothing picks up, and symbolic links: both would be silently without effect.

    Where a definition is `broken`, nobody can say which files of its pool it names, so none is called stray.
    """
    known = set(named)
    unsure = tuple(f"{posixpath.dirname(path)}/" for path in broken)
    folders = tuple(f"{folder}/" for folder in contexts)
    findings = [
        Finding(path, 1, 1, "symbolic-link", "a symbolic link is not followed; put the file itself here")
        for path in listing.links
    ]
    for path in listing.files:
        if path in known or is_definition(path) or path.startswith(folders) or _has_a_place(path):
            continue
        if path.startswith(unsure) and not path.endswith(".yml"):
            continue
        hint = "a definition ends in .yaml" if path.endswith(".yml") else "no definition names it"
        findings.append(Finding(path, 1, 1, "stray-file", f"nothing picks this file up: {hint}; move or remove it"))
    return findings


def _has_a_place(path: str) -> bool:
    if path.rsplit("/", 1)[1] in _SIDE_FILES or path.endswith(".schema.json"):
        return True
    if not path.startswith(f"{CATALOG}/"):
        return False
    rest = path[len(CATALOG) + 1 :]
    if "/" in rest:
        folder, file = rest.split("/", 1)
        return folder in models.FOLDERS and "/" not in file and file.endswith(".yaml")
    return path == SETTINGS_FILE or (rest.endswith(".yaml") and rest[:-5] in models.MAPPINGS)
