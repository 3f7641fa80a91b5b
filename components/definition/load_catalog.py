"""Reads `agents/catalog/`: what the platform team decided."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from components.definition.catalog import FOLDERS, MAPPINGS, REQUIRED_MAPPINGS, Environment, Pool
from components.definition.fields import Closed
from components.definition.findings import Finding
from components.definition.image_record import ImageRecord
from components.definition.places import (
    CATALOG,
    CONTEXTS,
    NPM_LOCK,
    SETTINGS_FILE,
    SHARED_CONTEXT,
    name_problem,
)
from components.definition.platform_settings import PlatformSettings
from components.definition.reading import context_hash, model_problems, read_document
from components.definition.tree import FileProblem, Listing, Tree
from components.definition.vulnerability_exceptions import VulnerabilityException
from components.definition.waiver import Waiver
from components.definition.yaml_reader import Document


@dataclass(slots=True)
class Catalog:
    """The platform team's decisions. `entries[kind][name]` is a model of `components.definition.catalog`.

    `contexts`: build context of a runtime → hash of its files, but for its npm lock, which stands in `locks`.
    `records`: (image, context hash; empty for a ready image) → what passed the gate. `pins`: reference → what its tag
    stood for when it was looked up. `record_files`: both, by path.
    `image_contents` remembers what `resolve` worked out for images that agents share.
    """

    settings: PlatformSettings
    entries: dict[str, dict[str, Any]]
    documents: dict[str, Document]
    records: dict[tuple[str, str], ImageRecord] = field(default_factory=dict)
    pins: dict[str, ImageRecord] = field(default_factory=dict)
    record_files: dict[str, ImageRecord] = field(default_factory=dict)
    waivers: dict[str, Waiver] = field(default_factory=dict)
    exceptions: dict[str, VulnerabilityException] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    locks: dict[str, dict[str, Any]] = field(default_factory=dict)
    image_contents: dict[tuple[Any, ...], str] = field(default_factory=dict)

    @property
    def environments(self) -> dict[str, Environment]:
        """In order of promotion."""
        return self.entries["environments"]

    @property
    def pools(self) -> dict[str, Pool]:
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


def load_catalog(tree: Tree, listing: Listing) -> tuple[Catalog | None, list[Finding]]:
    """Reads the catalog; None when it is so broken that no agent can be resolved against it."""
    findings: list[Finding] = []
    documents: dict[str, Document] = {}
    entries: dict[str, dict[str, Any]] = {}
    settings_document = read_document(tree, SETTINGS_FILE, findings)
    findings += model_problems(PlatformSettings, settings_document) if settings_document.value is not None else []
    for kind, model in MAPPINGS.items():
        path = f"{CATALOG}/{kind}.yaml"
        if path not in listing.files and kind not in REQUIRED_MAPPINGS:
            documents[kind], entries[kind] = Document(path, {}, []), {}
            continue
        documents[kind] = read_document(tree, path, findings)
        entries[kind] = _entries(kind, model, documents[kind], findings)
    if any(finding.severity == "error" for finding in findings):
        return None, findings
    catalog = Catalog(PlatformSettings.model_validate(settings_document.value), entries, documents)
    catalog.documents["settings"] = settings_document
    _load_folders(tree, listing, catalog, findings)
    catalog.contexts = _runtime_contexts(tree, catalog, findings)
    catalog.locks = _locks(tree, catalog, findings)
    return catalog, findings


def _entries(kind: str, model: type[Closed], document: Document, findings: list[Finding]) -> dict[str, Any]:
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        findings.append(document.finding((), "wrong-type", f"{kind} are a mapping from name to entry"))
        return {}
    found: dict[str, Any] = {}
    for name, value in document.value.items():
        problems = _name_problems(kind, name, document)
        problems += model_problems(model, document, name)
        findings += problems
        # A value that the reader refused is None, and said already.
        if not problems and value is not None:
            found[name] = model.model_validate(value)
    return found


def _name_problems(kind: str, name: str, document: Document) -> list[Finding]:
    problem = name_problem(name) if kind == "pools" else "" if kind == "plugins" else name_problem(name, set())
    return [document.finding((name,), "wrong-name", f"{name!r}: {problem}", key=True)] if problem else []


def _load_folders(tree: Tree, listing: Listing, catalog: Catalog, findings: list[Finding]) -> None:
    for folder, model in FOLDERS.items():
        start = f"{CATALOG}/{folder}/"
        for path in listing.files:
            if not path.startswith(start) or not path.endswith(".yaml"):
                continue
            document = read_document(tree, path, findings)
            problems = model_problems(model, document) if document.value is not None else []
            findings += problems
            if problems or document.findings:
                continue
            entry = model.model_validate(document.value)
            catalog.documents[path] = document
            if isinstance(entry, ImageRecord):
                _add_record(catalog, path, entry, findings)
            elif isinstance(entry, VulnerabilityException):
                catalog.exceptions[path] = entry
            elif isinstance(entry, Waiver):
                catalog.waivers[path] = entry


def _add_record(catalog: Catalog, path: str, entry: ImageRecord, findings: list[Finding]) -> None:
    for file, other in catalog.record_files.items():
        same = (other.image, other.context_hash) == (entry.image, entry.context_hash)
        if same and (other.scan is None) == (entry.scan is None):
            message = f"{file} records this image already"
            findings.append(catalog.documents[path].finding((), "duplicate-value", message))
    catalog.record_files[path] = entry
    if entry.scan is None and not entry.context_hash:
        catalog.pins[entry.image] = entry
    else:
        catalog.records[entry.image, entry.context_hash or ""] = entry


def _runtime_contexts(tree: Tree, catalog: Catalog, findings: list[Finding]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for name, runtime in catalog.entries["runtimes"].items():
        if runtime.build and runtime.build not in hashes:
            try:
                digest = context_hash(tree, f"{CONTEXTS}/{runtime.build}", without=NPM_LOCK if runtime.eliza else "")
                shared = context_hash(tree, SHARED_CONTEXT)
            except FileProblem as problem:
                findings.append(catalog.documents["runtimes"].finding((name, "build"), problem.rule, problem.message))
                continue
            if digest is None:
                message = f"{CONTEXTS}/{runtime.build} has no files to build from"
                findings.append(catalog.documents["runtimes"].finding((name, "build"), "missing-file", message))
            else:
                hashes[runtime.build] = f"{digest} {shared}" if shared else digest
    return hashes


def _locks(tree: Tree, catalog: Catalog, findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """The npm locks of the runtimes' build contexts. Each image is built from the part of it that it needs."""
    locks: dict[str, dict[str, Any]] = {}
    of_eliza = {one.build for one in catalog.entries["runtimes"].values() if one.eliza}
    for name in catalog.contexts.keys() & of_eliza:
        path = f"{CONTEXTS}/{name}/{NPM_LOCK}"
        if path not in tree.files(f"{CONTEXTS}/{name}").files:
            continue
        try:
            locks[name] = json.loads(tree.read(path))
            if not isinstance(locks[name]["packages"][""]["dependencies"], dict):
                raise TypeError
        except FileProblem as problem:
            findings.append(Finding(path, 1, 1, problem.rule, problem.message))
        except (ValueError, TypeError, KeyError):
            message = "this is no package-lock.json of version 3; `bash ci/lock.sh` writes it anew"
            findings.append(Finding(path, 1, 1, "wrong-lock", message))
            locks.pop(name, None)
    return locks
