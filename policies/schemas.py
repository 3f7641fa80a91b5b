"""Strict schema validation of rendered manifests: every field known, every type right, no kind skipped.

Core kinds are checked by the API schemas that the package kubernetes-validate ships, custom kinds by the closed schemas
in `crd_schemas/`, one file a kind, named `<group>_<version>_<Kind>.json`. Both are compiled on first use.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from policies.schema_errors import SchemaError, nearest, non_json_values, translate

__all__ = ["DEFAULT_KUBERNETES_VERSION", "SchemaChecker", "SchemaError", "available_versions"]

# Pinned, so that a newer kubernetes-validate on one machine does not change what is valid there.
DEFAULT_KUBERNETES_VERSION = "1.37"
CRD_SCHEMAS = Path(__file__).parent / "crd_schemas"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_REF_PREFIX = "#/$defs/"
_INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}

Kind = tuple[str, str]
"""(apiVersion, kind), such as ("apps/v1", "Deployment")."""


@dataclass(frozen=True)
class _Compiled:
    validator: Draft202012Validator
    document: dict[str, Any]


class SchemaChecker:
    """Checks manifests against the schemas of one Kubernetes minor version; keep one and reuse it.

    Raises ValueError where `kubernetes_version` ("1.37" or "1.37.0") is none of `available_versions()`.
    """

    def __init__(self, kubernetes_version: str = DEFAULT_KUBERNETES_VERSION) -> None:
        self._definitions = _core_definitions(kubernetes_version)
        self._core_kinds = _core_kinds(kubernetes_version)
        self._crd_files = {_kind_of_file(path): path for path in sorted(CRD_SCHEMAS.glob("*.json"))}
        self._compiled: dict[Kind, _Compiled] = {}

    def kinds(self) -> list[Kind]:
        """Every (apiVersion, kind) that can be checked, sorted."""
        return sorted(self._core_kinds.keys() | self._crd_files.keys())

    def document(self, api_version: str, kind: str) -> dict[str, Any]:
        """The JSON schema of a kind with all that it refers to under `$defs`; KeyError where the kind is unknown."""
        key = (api_version, kind)
        if key in self._crd_files:
            schema = json.loads(self._crd_files[key].read_text("utf-8"))
            return {**schema, "$defs": {**schema.get("$defs", {}), **self._referenced(schema)}}
        root = self._core_kinds[key]
        definitions = self._referenced({"$ref": _REF_PREFIX + root})
        # The API server refuses an object without metadata, though its schema does not say so.
        definitions[root]["required"] = sorted({*definitions[root].get("required", ()), "metadata"})
        return {"$ref": _REF_PREFIX + root, "$defs": definitions}

    def check(self, manifest: dict[str, Any]) -> list[SchemaError]:
        """All schema errors of one manifest, sorted by path; empty when it is valid. Never raises for bad input."""
        if not isinstance(manifest, dict):
            return [SchemaError((), "a manifest must be a mapping")]
        api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
        if not (isinstance(api_version, str) and isinstance(kind, str)):
            return _missing_kind(manifest)
        compiled = self._compiled.get((api_version, kind))
        if compiled is None:
            try:
                document = self.document(api_version, kind)
            except KeyError:
                return [self._unknown_kind(api_version, kind)]
            compiled = _Compiled(Draft202012Validator(document), document)
            self._compiled[(api_version, kind)] = compiled
        try:
            if compiled.validator.is_valid(manifest):
                return []
            return translate(compiled.validator.iter_errors(manifest), compiled.document, show_values=kind != "Secret")
        except ValueError as error:  # jsonschema_rs: a key or value that JSON does not have, or too deep a nesting
            return non_json_values(manifest) or [SchemaError((), f"cannot be written as JSON: {error}")]

    def _referenced(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Fresh, tightened copies of the core definitions that `schema` reaches, by name."""
        found: dict[str, Any] = {}
        todo = _references(schema)
        while todo:
            name = todo.pop()
            if name not in found and name in self._definitions:
                found[name] = _tighten(self._definitions[name])
                todo |= _references(found[name])
        return found

    def _unknown_kind(self, api_version: str, kind: str) -> SchemaError:
        known = self.kinds()
        versions = [v for v, k in known if k == kind]
        if versions:
            return SchemaError(
                ("apiVersion",), f"{kind} has no version {api_version!r}; allowed: {', '.join(versions)}"
            )
        kinds = {k for v, k in known if v == api_version} or {k for _, k in known}
        return SchemaError(("kind",), f"unknown kind {kind!r} in {api_version!r}{nearest(kind, kinds)}")


def available_versions() -> list[str]:
    """The Kubernetes minor versions whose schemas are installed, oldest first."""
    versions = {path.name.removeprefix("v").split(".0-")[0] for path in _schema_folder().glob("v*-local-strict")}
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def _schema_folder() -> Path:
    # The package's own loader reads and parses the bundle anew for every object; only its data is used.
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package kubernetes-validate is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "kubernetes-json-schema"


@cache
def _core_definitions(version: str) -> dict[str, Any]:
    minor = ".".join(version.removeprefix("v").split(".")[:2])
    path = _schema_folder() / f"v{minor}.0-local-strict" / "_definitions.json"
    if not path.is_file():
        raise ValueError(f"no schemas for Kubernetes {version!r}; available: {', '.join(available_versions())}")
    definitions: dict[str, Any] = json.loads(path.read_bytes())["$defs"]
    return definitions


@cache
def _core_kinds(version: str) -> dict[Kind, str]:
    """(apiVersion, kind) to the name of its definition, for the kinds that are objects of their own (no lists)."""
    kinds: dict[Kind, str] = {}
    for name, schema in _core_definitions(version).items():
        gvks = schema.get("x-kubernetes-group-version-kind", ())
        metadata = schema.get("properties", {}).get("metadata", {})
        if len(gvks) == 1 and metadata.get("$ref") == _REF_PREFIX + _OBJECT_META:
            group, gvk_version, kind = (gvks[0][part] for part in ("group", "version", "kind"))
            kinds[f"{group}/{gvk_version}" if group else gvk_version, kind] = name
    return kinds


def _kind_of_file(path: Path) -> Kind:
    group, version, kind = path.stem.split("_")
    return f"{group}/{version}", kind


def _references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = schema.get("$ref")
        found = {own.removeprefix(_REF_PREFIX)} if isinstance(own, str) else set()
        return found.union(*(_references(value) for value in schema.values()))
    return set().union(*(_references(value) for value in schema)) if isinstance(schema, list) else set()


def _tighten(schema: Any) -> Any:
    """A copy that refuses null (the API server drops it silently) and integers that Go's types do not hold."""
    if isinstance(schema, list):
        return [_tighten(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: _tighten(value) for key, value in schema.items()}
    variants = tight.get("oneOf")
    if isinstance(variants, list) and all(variant.keys() == {"type"} for variant in variants):
        # Quantity and int-or-string: one list of types gives one clear error.
        tight = {**tight, "type": [variant["type"] for variant in variants]}
        del tight["oneOf"]
    types = tight.get("type")
    if isinstance(types, list) and "null" in types:
        left = [name for name in types if name != "null"]
        tight["type"] = left[0] if len(left) == 1 else left
    bounds = _INTEGER_RANGES.get(tight["format"]) if isinstance(tight.get("format"), str) else None
    if bounds:
        tight["minimum"], tight["maximum"] = bounds
    return tight


def _missing_kind(manifest: dict[str, Any]) -> list[SchemaError]:
    return [
        SchemaError((key,), "required, and must be a string")
        for key in ("apiVersion", "kind")
        if not isinstance(manifest.get(key), str)
    ]
