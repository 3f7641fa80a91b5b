"""JSON schemas (draft-07, as editors' YAML language server reads them), from the models and filled from the catalog."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from components.definition.agent import Definition
from components.definition.catalog import FOLDERS, MAPPINGS
from components.definition.defaults import BUILT_IN
from components.definition.fields import MEANINGS, NAME_MAX, NAME_PATTERN
from components.definition.load_catalog import Catalog
from components.definition.places import CATALOG
from components.definition.platform_settings import PlatformSettings
from components.definition.schema_examples import EXAMPLES
from components.definition.tree import AGENTS

Schema = dict[str, Any]

_DIALECT = "http://json-schema.org/draft-07/schema#"
# Which fields hold names of the catalog: as the value, as each item of a list, or as the keys of a mapping.
_NAMED: dict[str, str] = {
    "Definition.owner": "teams",
    "Definition.runtime": "runtimes",
    "Definition.environments": "environments",
    "Definition.overrides": "environments",
    "Settings.channels": "channels",
    "Settings.plugins": "plugins",
    "Settings.tier": "tiers",
    "Model.provider": "providers",
    "Model.name": "models",
    "Storage.databases": "databases",
    "Queue.source": "queues",
    "Pool.owner": "teams",
    "Pool.environments": "environments",
    "Pool.clusters": "environments",
    "Pool.shards": "environments",
    "Runtime.base_image": "base_images",
    "ChannelKind.runtimes": "runtimes",
    "Plugin.runtimes": "runtimes",
    "Waiver.owner": "teams",
    "MonitoringSettings.owner": "teams",
    "Database.watched_in": "environments",
}
# Mappings whose values may be left empty (see empty_values.py).
_MAY_BE_EMPTY = ("Settings.channels", "Definition.overrides")


def schema_files(catalog: Catalog) -> dict[str, str]:
    """For each schema file's path its text. Same catalog, same bytes."""
    definitions = _definitions(catalog)
    roots: dict[str, Schema] = {f"{AGENTS}/agent.schema.json": _ref("Definition")}
    roots[f"{CATALOG}/settings.schema.json"] = _ref("PlatformSettings")
    for kind, model in MAPPINGS.items():
        roots[f"{CATALOG}/{kind}.schema.json"] = _mapping_of(kind, model)
    for folder, model in FOLDERS.items():
        roots[f"{CATALOG}/{folder}.schema.json"] = _ref(model.__name__)
    return {path: _text(path, root, definitions) for path, root in roots.items()}


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas, less what the reader refuses: null, and keys of another form."""

    def nullable_schema(self, schema: Any) -> Schema:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Schema:
        inner = self.generate_inner(schema["schema"])
        return inner if schema.get("default") is None else {**inner, "default": schema["default"]}

    def dict_schema(self, schema: Any) -> Schema:
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        keys.pop("type", None)
        found: Schema = {"type": "object", "additionalProperties": values or True}
        return {**found, "propertyNames": keys} if keys else found

    def tagged_union_schema(self, schema: Any) -> Schema:
        return {"anyOf": [self.generate_inner(choice) for choice in schema["choices"].values()]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value


def _definitions(catalog: Catalog) -> dict[str, Schema]:
    models: list[type[BaseModel]] = [Definition, PlatformSettings, *MAPPINGS.values(), *FOLDERS.values()]
    _, generated = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/definitions/{model}", schema_generator=_Generator
    )
    found: dict[str, Schema] = generated["$defs"]
    for model, schema in found.items():
        schema.pop("title", None)
        for field, of in schema["properties"].items():
            if "$ref" in of:  # pydantic leaves out a description that is the model's own
                of.setdefault("description", found[_name(of)]["description"])
            _complete(model, field, of, catalog)
    for schema in found.values():
        for of in schema["properties"].values():
            if "allOf" in of:
                of["examples"] = [_with_names(example, of, found) for example in of["examples"]]
    _defaults("Settings", BUILT_IN, found)
    for field in BUILT_IN:
        if "default" in found["Settings"]["properties"][field]:
            found["Definition"]["properties"][field]["default"] = BUILT_IN[field]
    return found


def _complete(model: str, field: str, of: Schema, catalog: Catalog) -> None:
    """Adds what editors show besides pydantic's schema: names of the catalog, an example, what a pattern means."""
    owner = "Settings" if model == "Definition" and f"Definition.{field}" not in _NAMED else model
    kind = _NAMED.get(f"{owner}.{field}")
    names = _names(kind, catalog) if kind else []
    if kind:
        _offer(of, names, kind, catalog)
    if f"{owner}.{field}" in _MAY_BE_EMPTY:
        of["properties"] = {name: _or_nothing(one) for name, one in of["properties"].items()}
    if "const" in of:
        of.setdefault("description", "Which kind this is.")
        of.setdefault("examples", [of["const"]])
    if not of.get("examples"):
        # What holds with nothing said is an example too.
        example = EXAMPLES.get(f"{model}.{field}", EXAMPLES.get(field, of.get("default")))
        of["examples"] = [] if example is None else [example]
    if names:
        of["examples"] = [_example(of, names)]
    _explain_patterns(of)
    if "$ref" in of:  # draft-07 ignores what stands beside a $ref
        of["allOf"] = [{"$ref": of.pop("$ref")}]


def _names(kind: str, catalog: Catalog) -> list[str]:
    if kind == "models":
        return sorted({name for provider in catalog.entries["providers"].values() for name in provider.models})
    if kind == "base_images":
        return list(catalog.settings.base_images)
    return list(catalog.entries[kind])


def _offer(of: Schema, names: list[str], kind: str, catalog: Catalog) -> None:
    if of["type"] == "object":
        value = of.pop("additionalProperties")
        del of["propertyNames"]
        of["additionalProperties"] = False
        of["properties"] = {name: {"description": _about(kind, name, catalog), **_beside(value)} for name in names}
        return
    target = of["items"] if of["type"] == "array" else of
    for key in ("pattern", "maxLength", "minLength"):
        target.pop(key, None)
    target["enum"] = names


def _example(of: Schema, names: list[str]) -> Any:
    """An example that this catalog allows: editors offer examples as values."""
    if of["type"] == "object":
        return {names[0]: next(iter(of["examples"][0].values()))}
    return names[:2] if of["type"] == "array" else names[0]


def _with_names(example: Any, of: Schema, found: dict[str, Schema]) -> Any:
    """An example of a whole mapping, with the catalog's names where it holds names."""
    result, fields = {}, found[_name(of["allOf"][0])]["properties"]
    for key, value in example.items():
        field = fields[key]
        if "allOf" in field:
            result[key] = _with_names(value, field, found)
        else:
            result[key] = field["examples"][0] if "enum" in field or "enum" in field.get("items", {}) else value
    return result


def _or_nothing(of: Schema) -> Schema:
    about = of.pop("description")
    return {"description": about, "anyOf": [of, {"type": "null"}]}


def _about(kind: str, name: str, catalog: Catalog) -> str:
    return str(catalog.entries[kind][name].description)


def _beside(value: Schema) -> Schema:
    return {"allOf": [value]} if "$ref" in value else value


def _explain_patterns(of: Any) -> None:
    if isinstance(of, dict):
        meaning = MEANINGS.get(of["pattern"]) if isinstance(of.get("pattern"), str) else None
        if meaning:
            of["patternErrorMessage"] = f"Expected {meaning}."
        for key in ("items", "additionalProperties", "propertyNames"):
            _explain_patterns(of.get(key))


def _defaults(model: str, values: dict[str, Any], found: dict[str, Schema]) -> None:
    for field, value in values.items():
        of = found[model]["properties"][field]
        if isinstance(value, dict):
            _defaults(of["allOf"][0]["$ref"].rsplit("/", 1)[1], value, found)
        else:
            of["default"] = value


def _ref(model: str) -> Schema:
    return {"$ref": f"#/definitions/{model}"}


def _mapping_of(kind: str, model: type[BaseModel]) -> Schema:
    names = {} if kind == "plugins" else {"pattern": NAME_PATTERN, "maxLength": NAME_MAX}
    found: Schema = {"type": "object", "description": model.__doc__, "additionalProperties": _ref(model.__name__)}
    return {**found, "propertyNames": names} if names else found


def _text(path: str, root: Schema, definitions: dict[str, Schema]) -> str:
    # A $ref at the top would make readers of draft-07 ignore the rest.
    whole = definitions[_name(root)] if "$ref" in root else root
    used: set[str] = set()
    _collect(whole, definitions, used)
    title = path.rsplit("/", 1)[1].removesuffix(".schema.json")
    inner = {name: definitions[name] for name in sorted(used)}
    return json.dumps({"$schema": _DIALECT, "title": title, **whole, "definitions": inner}, indent=2) + "\n"


def _collect(schema: Any, definitions: dict[str, Schema], used: set[str]) -> None:
    """Adds the names of all definitions that `schema` leads to."""
    if isinstance(schema, dict):
        if "$ref" in schema and _name(schema) not in used:
            used.add(_name(schema))
            _collect(definitions[_name(schema)], definitions, used)
        for child in schema.values():
            _collect(child, definitions, used)
    elif isinstance(schema, list):
        for child in schema:
            _collect(child, definitions, used)


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[1]
